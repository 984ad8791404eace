"""No tables: only the permission to turn the knob, which Django ties to a model."""

from django.db import models


class Knob(models.Model):
    """What staff may turn while everything runs; `webapp.wiring.Knobs` holds the values."""

    class Meta:
        """Gives the permission a name."""

        managed = False
        default_permissions = ()
        permissions = [("change_knob", "Can change how often the fold runs")]
