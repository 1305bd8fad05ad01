"""The form that asks with which words a connection is closed."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminIntegerFieldWidget, AdminTextInputWidget
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from channels_bridge.connections import MAX_REASON, require_sendable


class CloseForm(forms.Form):
    """A close code and a reason that a server may send."""

    code = forms.IntegerField(
        label=_("Close code"),
        initial=1000,
        widget=AdminIntegerFieldWidget,
        help_text=_(
            "1000: it has ended, and ResumableSocket does not come back by itself. 1012: it comes "
            "back at once. 3000 to 4999: what your page makes of it; ResumableSocket stays away."
        ),
    )
    reason = forms.CharField(
        label=_("Reason"),
        required=False,
        max_length=MAX_REASON,
        widget=AdminTextInputWidget,
        help_text=_("The client can read it."),
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if not self.errors:
            try:
                require_sendable(cleaned["code"], cleaned["reason"])
            except ValueError as error:
                raise ValidationError(str(error)) from None
        return cleaned
