"""A check that was not made yet has no time."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("deliverability", "0001_initial")]

    operations = [
        migrations.AlterField(
            model_name="domaincheck",
            name="checked_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
