"""The web page and its API: read a page in the browser, correct it, teach a hand. Needs the extra `[web]`.

`app.py` puts the parts together; `limits.py` guards every request; `store.py` keeps pages and corrections;
`desk.py` reads, re-reads and teaches, `thorough.py` teaches for minutes; `document.py` knows how corrections
and readings go together.
"""

from __future__ import annotations
