"""Models without tables: places for pages in the admin, and permissions.

Nothing of them is ever in the database but content types and permissions, which ``migrate`` makes:
``view_connection``, ``close_connection`` and ``view_group``. What goes through all models, such as
``dumpdata``, finds no rows, and no missing tables either.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _


class NoRows(models.Manager[models.Model]):
    """Never asks the database."""

    def get_queryset(self) -> models.QuerySet[Any]:
        return super().get_queryset().none()


class Connection(models.Model):
    """A connection of a running server.

    Attributes:
        id: the server's name for it, as long as it is open.
        about: how the admin's log calls it.
    """

    id = models.CharField(_("connection"), primary_key=True, max_length=16)
    about = models.CharField(max_length=200)

    objects = NoRows()

    class Meta:
        managed = False
        base_manager_name = "objects"
        default_permissions = ("view",)
        permissions = [("close_connection", "Can close connection")]
        verbose_name = _("connection")
        verbose_name_plural = _("connections")

    def __str__(self) -> str:
        return self.about or self.id


class Group(models.Model):
    """A group of a running server.

    Attributes:
        name: as the project has it; of a layer that isn't the default one, after its alias.
    """

    name = models.CharField(_("group"), primary_key=True, max_length=200)

    objects = NoRows()

    class Meta:
        managed = False
        base_manager_name = "objects"
        default_permissions = ("view",)
        verbose_name = _("group")
        verbose_name_plural = _("groups")

    def __str__(self) -> str:
        return self.name
