"""An index that tells alone what consent a contact gave, in place of the one that tells only where to look."""

import django.db.models.deletion
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # Imports and sign-ups go on meanwhile: the index is built beside them.
    atomic = False

    dependencies = [("campaigns", "0012_who_agreed_to_a_list")]

    operations = [
        AddIndexConcurrently(
            model_name="consententry",
            index=models.Index(fields=["contact", "action"], name="consent_of_contact"),
        ),
        migrations.AlterField(
            model_name="consententry",
            name="contact",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name="consents",
                to="campaigns.contact",
            ),
        ),
    ]
