"""What Django ties to a model though no table stands behind it: permissions, and log entries of what staff did."""

from django.db import models


class StaffPage(models.Model):
    """The pages under ``/staff/``; `webapp.analytics.permissions` says which page asks for which permission."""

    class Meta:
        """Gives each page, and each action that is more than looking, a permission of its own."""

        managed = False
        default_permissions = ()
        permissions = [
            ("view_live", "Can watch events as they come in"),
            ("view_overview", "Can see totals by hour and day"),
            ("view_learning", "Can see how well the model predicts"),
            ("view_sessions", "Can look up sessions and export them"),
            ("view_items", "Can see what became of an item"),
            ("view_models", "Can see and compare versions of the model"),
            ("view_labels", "Can see what became of labels"),
            ("view_dead_letters", "Can see what could not be read"),
            ("redrive_dead_letters", "Can put a dead letter into the log after all"),
            ("discard_dead_letters", "Can throw dead letters away"),
            ("view_knob", "Can see what the fold's interval costs and brings"),
            ("bring_visitors", "Can bring simulated visitors"),
        ]


class SimulatedVisitors(models.Model):
    """Visitors whom staff bring (`webapp.visitors`)."""

    class Meta:
        """Lets log entries say that they are about visitors."""

        managed = False
        default_permissions = ()
        verbose_name_plural = "simulated visitors"
