from django import forms


class EnterForm(forms.Form):
    """A form for a room and a name."""

    name = forms.CharField(max_length=30, label="Your name")
    room = forms.SlugField(
        max_length=50,
        initial="lobby",
        error_messages={"invalid": "Letters, digits, hyphens and underscores only."},
    )
