"""The stages of a one-pass protect in memory, and of a restore of its file, in order, by the file's format."""

PROTECT = {
    "jpeg": ("decode", "down", "headroom", "infer", "hash", "move its coefficients"),
    "png": ("decode", "down", "headroom", "infer", "up and add", "embed", "hash", "encode"),
}
RESTORE = {
    "jpeg": ("decode the result", "move them back", "decode", "hash"),
    "png": ("decode the result", "extract", "up and subtract", "hash", "encode"),
}
#: All that are measured; those of the sealed tier's network apart.
SEALED = "infer, sealed"
ALL = tuple(dict.fromkeys(name for names in (*PROTECT.values(), *RESTORE.values()) for name in names))
