"""What the learner's books said, hour by hour; and the permission to turn the knob, which Django ties to a model."""

from django.db import models


class Knob(models.Model):
    """What staff may turn while everything runs; `webapp.wiring.Knobs` holds the values."""

    class Meta:
        """Gives the permission a name."""

        managed = False
        default_permissions = ()
        permissions = [("change_knob", "Can change how often the fold runs")]


class LearnedHour(models.Model):
    """The learner's books at the end of an hour of log time, or so far in it: sums since the log began.

    A version is a code and a configuration. One with a new configuration folds the whole log anew; one with new code
    goes on from the newest snapshot, and `begins` marks the books that it took over: nothing in them is its own. What
    one hour added is the difference to the row before.
    """

    pk = models.CompositePrimaryKey("version", "hour_ms")
    version = models.CharField(max_length=40)
    hour_ms = models.BigIntegerField()
    offset = models.CharField(max_length=40)
    counters = models.JSONField()
    scores = models.BinaryField()
    begins = models.BooleanField(default=False)
