"""The classifier workbench: data, batches, models, recipes, the training loop, evaluation, export.

Everything that needs torch lives here (`pip install unscrawl[train]`); reading never imports it.
"""

from __future__ import annotations
