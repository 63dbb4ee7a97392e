"""Token buckets of lanes and broadcasts with a limit."""

from django.db import migrations, models

import relayhub.core.clock


class Migration(migrations.Migration):
    dependencies = [("relay", "0002_partitioned_history")]

    operations = [
        migrations.CreateModel(
            name="Pace",
            fields=[
                ("key", models.CharField(max_length=80, primary_key=True, serialize=False)),
                ("tokens", models.FloatField(default=0)),
                ("refilled_at", models.DateTimeField(default=relayhub.core.clock.now)),
            ],
        ),
    ]
