from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0005_undo_of_imports")]

    operations = [
        migrations.AddField("campaign", "archived_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("campaign", "changed_by", models.CharField(blank=True, default="", max_length=300)),
        migrations.AddField("campaign", "scheduled_zone", models.CharField(blank=True, default="", max_length=60)),
    ]
