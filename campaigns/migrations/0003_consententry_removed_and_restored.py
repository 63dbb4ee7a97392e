"""Consent entries may say that a colleague took somebody off a list, and put them back."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0002_initial")]

    operations = [
        migrations.AlterField(
            model_name="consententry",
            name="action",
            field=models.CharField(
                choices=[
                    ("subscribed", "Subscribed"), ("confirmation_sent", "Confirmation sent"),
                    ("confirmed", "Confirmed"), ("unsubscribed", "Unsubscribed"),
                    ("removed", "Removed from the list"), ("restored", "Put back on the list"),
                ],
                max_length=17,
            ),
        ),
    ]
