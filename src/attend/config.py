"""The sizes of a Transformer, named as in Table 3 of the paper."""

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class TransformerConfig:
    """The sizes of a Transformer.

    Attributes
    ----------
    vocabulary
        How many word pieces there are.
    N
        Layers in the encoder, and in the decoder.
    d_model
        Length of the vector of a token.
    d_ff
        Inner length of the feed-forward sub-layer.
    h
        Heads.
    d_k, d_v
        Length of a query and key, and of a value, in one head; d_model / h if None.
    P_drop
        Share of entries dropped in training (section 5.4).
    epsilon_ls
        Label smoothing in training (section 5.4).
    pad, start, end
        The numbers of the special tokens.

    Raises
    ------
    ValueError
        If a size is impossible.
    """

    vocabulary: int
    N: int = 6
    d_model: int = 512
    d_ff: int = 2048
    h: int = 8
    d_k: int = None  # type: ignore[assignment]  # a number as soon as it is built
    d_v: int = None  # type: ignore[assignment]
    P_drop: float = 0.1
    epsilon_ls: float = 0.1
    pad: int = 0
    start: int = 1
    end: int = 2

    def __post_init__(self) -> None:
        self._check_counts()
        self._check_special()
        self._check_shares()
        for name in ("d_k", "d_v"):
            if getattr(self, name) is None:
                object.__setattr__(self, name, self._per_head(name))

    def _check_counts(self) -> None:
        for name in ("vocabulary", "N", "d_model", "d_ff", "h", "d_k", "d_v"):
            value = getattr(self, name)
            free = name in ("d_k", "d_v") and value is None
            if not free and not (_is_whole(value) and value >= 1):
                raise ValueError(f"{name} must be a whole number of at least 1; received {value!r}")
        if self.d_model % 2:
            raise ValueError(
                "d_model must be even, as positions are written in pairs of sine and cosine; "
                f"received d_model={self.d_model}"
            )

    def _check_special(self) -> None:
        special = (self.pad, self.start, self.end)
        fit = all(_is_whole(token) and 0 <= token < self.vocabulary for token in special)
        if not fit or len(set(special)) < 3:
            raise ValueError(
                "pad, start and end must be three different token numbers below the vocabulary; "
                f"received {self.pad!r}, {self.start!r}, {self.end!r} of {self.vocabulary}"
            )

    def _check_shares(self) -> None:
        for name in ("P_drop", "epsilon_ls"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
                raise ValueError(f"{name} is a share, 0 <= {name} < 1; received {value!r}")

    def _per_head(self, name: str) -> int:
        if self.d_model % self.h:
            raise ValueError(
                f"d_model={self.d_model} does not split into h={self.h} equal heads; "
                f"choose another h, or give {name}"
            )
        return self.d_model // self.h

    def as_dict(self) -> dict[str, int | float]:
        """Return the sizes by name, ready for JSON."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_dict(cls, sizes: dict) -> "TransformerConfig":
        """Build from `as_dict`; refuse names that are unknown or missing.

        Raises
        ------
        ValueError
            If it is no table, a name is unknown, `vocabulary` is missing, or a size is impossible.
        """
        if not isinstance(sizes, dict):
            raise ValueError(f"a configuration is a table of sizes by name; received {sizes!r}")
        known = {field.name for field in fields(cls)}
        unknown = sorted(set(sizes) - known)
        if unknown or "vocabulary" not in sizes:
            raise ValueError(
                f"a configuration needs 'vocabulary' and knows {sorted(known)}; "
                f"received {sorted(sizes)}"
            )
        return cls(**sizes)


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def base(vocabulary: int = 37_000) -> TransformerConfig:
    """Return the base model of the paper."""
    return TransformerConfig(vocabulary)


def big(vocabulary: int = 37_000) -> TransformerConfig:
    """Return the big model of the paper (its P_drop for English to German)."""
    return TransformerConfig(vocabulary, d_model=1024, d_ff=4096, h=16, P_drop=0.3)


def course(vocabulary: int = 4_000) -> TransformerConfig:
    """Return the model that ships with the course."""
    return TransformerConfig(vocabulary, N=4, d_model=128, d_ff=512, h=4)


def tiny(vocabulary: int = 20) -> TransformerConfig:
    """Return a model for tests, which trains in seconds."""
    return TransformerConfig(vocabulary, N=2, d_model=16, d_ff=32, h=2)
