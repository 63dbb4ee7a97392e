"""Indexes for what the list of suppressions is narrowed to and counts: reasons, and those that were lifted."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliverability", "0003_name_servers_and_shares")]

    operations = [
        migrations.AddIndex(
            model_name="suppression",
            index=models.Index(
                fields=["workspace", "reason", "-id"], name="suppression_by_reason",
                condition=models.Q(lifted_at__isnull=True),
            ),
        ),
        migrations.AddIndex(
            model_name="suppression",
            index=models.Index(
                fields=["workspace", "-id"], name="suppression_lifted", condition=models.Q(lifted_at__isnull=False)
            ),
        ),
    ]
