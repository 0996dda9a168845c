"""The public data sets known by name: where they live, what they hold, how to know them when they arrive."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal

from unscrawl.alphabet import DIGITS, LOWER, UPPER

__all__ = ["KNOWN", "Download", "File", "Known"]


@dataclass(frozen=True)
class File:
    """One unpacked file of a data set."""

    name: str
    sha256: str = ""
    """Digest of the unpacked file, where its publisher's content has been established."""


@dataclass(frozen=True)
class Download:
    """One file as its home serves it, packed."""

    name: str
    urls: tuple[str, ...]
    sha256: str = ""
    md5: str = ""
    """The digest published with the data, for sets that have no published SHA-256."""


@dataclass(frozen=True)
class Known:
    """A public data set of `side` × `side` grey pictures."""

    name: str
    title: str
    folder: str
    """Where its files lie under a data folder and under the cache."""
    classes: tuple[str, ...]
    counts: tuple[int, int]
    """Training and test pictures."""
    files: tuple[File, ...]
    """Training pictures, training labels, test pictures, test labels; form "libsvm": training, test."""
    downloads: tuple[Download, ...]
    licence: str
    home: str
    side: int = 28
    form: Literal["idx", "libsvm"] = "idx"
    first_label: int = 0
    transposed: bool = False
    torchvision: str = ""
    """The folder torchvision keeps it in, so that its download is found too."""


def _idx_files(prefix: str, test: str, sums: tuple[str, ...] = ("", "", "", "")) -> tuple[File, ...]:
    names = (f"{part}-{kind}-ubyte" for part in ("train", test) for kind in ("images-idx3", "labels-idx1"))
    return tuple(File(prefix + name, sha256) for name, sha256 in zip(names, sums, strict=True))


def _packed(
    files: tuple[File, ...], mirrors: tuple[str, ...], sums: tuple[str, ...] = ("", "", "", "")
) -> tuple[Download, ...]:
    return tuple(
        Download(f"{file.name}.gz", tuple(f"{mirror}{file.name}.gz" for mirror in mirrors), sha256)
        for file, sha256 in zip(files, sums, strict=True)
    )


_MNIST_FILES: Final = _idx_files(
    "",
    "t10k",
    (
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
)
_PLAIN_FILES: Final = _idx_files("", "t10k")

_MNIST: Final = Known(
    name="mnist",
    title="handwritten digits",
    folder="mnist",
    classes=tuple(DIGITS),
    counts=(60_000, 10_000),
    files=_MNIST_FILES,
    downloads=_packed(
        _MNIST_FILES,
        (
            "https://ossci-datasets.s3.amazonaws.com/mnist/",
            "https://storage.googleapis.com/cvdf-datasets/mnist/",
        ),
    ),
    licence="CC BY-SA 3.0",
    home="http://yann.lecun.com/exdb/mnist/",
    torchvision="MNIST/raw",
)

_FASHION: Final = Known(
    name="fashion-mnist",
    title="pictures of clothes",
    folder="fashion-mnist",
    classes=(
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
        "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ),
    counts=(60_000, 10_000),
    files=_PLAIN_FILES,
    downloads=_packed(
        _PLAIN_FILES,
        ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
        (
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    ),
    licence="MIT",
    home="https://github.com/zalandoresearch/fashion-mnist",
    torchvision="FashionMNIST/raw",
)  # fmt: skip

_KMNIST: Final = Known(
    name="kmnist",
    title="cursive Japanese characters",
    folder="kmnist",
    classes=("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    counts=(60_000, 10_000),
    files=_PLAIN_FILES,
    downloads=_packed(
        _PLAIN_FILES,
        ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
        (
            "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4",
            "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17",
            "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5",
            "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c",
        ),
    ),
    licence="CC BY-SA 4.0",
    home="http://codh.rois.ac.jp/kmnist/",
    torchvision="KMNIST/raw",
)

_QMNIST_MD5: Final = {
    "qmnist-train-images-idx3-ubyte": "ed72d4157d28c017586c42bc6afe6370",
    "qmnist-train-labels-idx2-int": "0058f8dd561b90ffdd0f734c6a30e5e4",
    "qmnist-test-images-idx3-ubyte": "1394631089c404de565df7b7aeaf9412",
    "qmnist-test-labels-idx2-int": "5b5b05890a5e13444e108efe57b788aa",
}
_QMNIST: Final = Known(
    name="qmnist",
    title="MNIST made again from its source, with 60,000 test digits",
    folder="qmnist",
    classes=tuple(DIGITS),
    counts=(60_000, 60_000),
    files=tuple(File(name) for name in _QMNIST_MD5),
    downloads=tuple(
        Download(
            f"{name}.gz",
            (f"https://raw.githubusercontent.com/facebookresearch/qmnist/master/{name}.gz",),
            md5=md5,
        )
        for name, md5 in _QMNIST_MD5.items()
    ),
    licence="BSD-3-Clause",
    home="https://github.com/facebookresearch/qmnist",
    torchvision="QMNIST/raw",
)

_USPS_HOME: Final = "https://www.csie.ntu.edu.tw/~cjlin/libsvmtools/datasets/multiclass"
_USPS: Final = Known(
    name="usps",
    title="digits of American post codes",
    folder="usps",
    classes=tuple(DIGITS),
    counts=(7_291, 2_007),
    files=(File("usps"), File("usps.t")),
    downloads=(
        Download("usps.bz2", (f"{_USPS_HOME}/usps.bz2",), md5="ec16c51db3855ca6c91edd34d0e9b197"),
        Download("usps.t.bz2", (f"{_USPS_HOME}/usps.t.bz2",), md5="8ea070ee2aca1ac39742fdd1ef5ed118"),
    ),
    licence="none stated",
    home=f"{_USPS_HOME}.html#usps",
    side=16,
    form="libsvm",
    first_label=1,
)

# Classes whose capital and small letter EMNIST's merged divisions do not tell apart: all but these eleven.
_BALANCED: Final = DIGITS + UPPER + "abdefghnqrt"
_BYCLASS: Final = DIGITS + UPPER + LOWER
_EMNIST: Final = Known(
    name="emnist",
    title="handwritten digits and letters of NIST's special database 19",
    folder="emnist",
    classes=(),
    counts=(0, 0),
    files=(),
    downloads=(
        Download(
            "gzip.zip",
            (
                "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",
                "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/gzip.zip",
            ),
            sha256="fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e",
        ),
    ),
    licence="none stated; made by NIST",
    home="https://www.nist.gov/itl/products-and-services/emnist-dataset",
    # The files hold every picture with rows and columns exchanged.
    transposed=True,
    torchvision="EMNIST/raw",
)


def _emnist(division: str, title: str, classes: str, counts: tuple[int, int], first_label: int = 0) -> Known:
    return replace(
        _EMNIST,
        name=f"emnist-{division}",
        title=title,
        classes=tuple(classes),
        counts=counts,
        files=_idx_files(f"emnist-{division}-", "test"),
        first_label=first_label,
    )


KNOWN: Final[dict[str, Known]] = {
    known.name: known
    for known in (
        _MNIST,
        _emnist("letters", "26 letters, capital and small as one class", UPPER, (124_800, 20_800), 1),
        _emnist("balanced", "47 classes, as many of each", _BALANCED, (112_800, 18_800)),
        _emnist("byclass", "62 classes as often as people write them", _BYCLASS, (697_932, 116_323)),
        _emnist("bymerge", "47 classes as often as people write them", _BALANCED, (697_932, 116_323)),
        _emnist("digits", "digits, as many of each", DIGITS, (240_000, 40_000)),
        _emnist("mnist", "digits, as many as in MNIST", DIGITS, (60_000, 10_000)),
        _QMNIST,
        _FASHION,
        _KMNIST,
        _USPS,
    )
}
"""Every public set by its name."""
