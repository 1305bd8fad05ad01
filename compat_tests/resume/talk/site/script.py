"""What is said, and what a page gets of it."""

LONG = "A sentence that is long enough to be worth compressing. " * 6

#: Messages: how they are sent on, and what.
SCRIPT = (
    ("text", ["one"]),
    ("binary", ["\x00;\x7f"]),
    ("text", ["three, the first frame", "three, the second"]),
    ("filtered", ["four"]),
    ("text", ["fünf;;5"]),
    ("binary", [""]),
    ("binary", ["seven, in", "two frames;"]),
    ("filtered", ["eight"]),
    ("text", [LONG]),
    ("text", ["end"]),
)

#: So many are said before the link ends, or once there.
HALF = 5

#: All frames of the script, as a page gets them.
FRAMES = [
    frame.encode() if kind == "binary" else frame
    for kind, frames in SCRIPT
    for frame in frames
    if kind != "filtered"
]
