"""What reports of a million recipients read: kept figures, and indexes that list recipients newest first."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    # The queue is written to all the time: indexes are built beside it.
    atomic = False

    dependencies = [("relay", "0005_sandbox_inbox")]

    operations = [
        migrations.CreateModel(
            name="BroadcastFigures",
            fields=[
                ("broadcast_id", models.UUIDField(primary_key=True, serialize=False)),
                ("version", models.BigIntegerField()),
                ("cells", models.JSONField(default=list)),
                ("counted_at", models.DateTimeField()),
                ("took_ms", models.PositiveIntegerField(default=0)),
            ],
        ),
        AddIndexConcurrently(
            model_name="counter",
            index=models.Index(condition=Q(subject="broadcast"), fields=["bucket"], name="counter_lately"),
        ),
        AddIndexConcurrently(
            model_name="recipient",
            index=models.Index(condition=Q(broadcast_id__isnull=False), fields=["broadcast_id", "status", "id"],
                               name="recipient_of_broadcast"),
        ),
        RemoveIndexConcurrently(model_name="recipient", name="recipient_by_broadcast"),
        AddIndexConcurrently(
            model_name="recipient",
            index=models.Index(condition=Q(broadcast_id__isnull=False, opened_at__isnull=False),
                               fields=["broadcast_id", "id"], name="recipient_opened"),
        ),
        AddIndexConcurrently(
            model_name="recipient",
            index=models.Index(
                condition=Q(broadcast_id__isnull=False)
                & (Q(clicked_at__isnull=False) | Q(unsubscribed_at__isnull=False) | Q(complained_at__isnull=False)),
                fields=["broadcast_id", "id"], name="recipient_reacted",
            ),
        ),
    ]
