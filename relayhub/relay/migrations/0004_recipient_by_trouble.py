"""An index of recipients that something went wrong with, so that the message list finds them at once."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # The queue is written to all the time: the index is built beside it.
    atomic = False

    dependencies = [("relay", "0003_pace")]

    operations = [
        AddIndexConcurrently(
            model_name="recipient",
            index=models.Index(
                condition=models.Q(
                    ("status__in", ["held", "unknown", "quarantined", "bounced", "suppressed", "expired", "cancelled"])
                ),
                fields=["workspace", "status", "message"],
                name="recipient_by_trouble",
            ),
        ),
    ]
