"""An index of who opened something lately."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # Mail goes on meanwhile: the index is built beside it.
    atomic = False

    dependencies = [("relay", "0009_message_and_recipient_indexes")]

    operations = [
        AddIndexConcurrently(
            model_name="recipient",
            index=models.Index(
                condition=models.Q(opened_at__isnull=False), fields=["workspace", "opened_at"],
                include=["address_key"], name="recipient_opened_at",
            ),
        ),
    ]
