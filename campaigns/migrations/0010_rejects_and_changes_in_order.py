"""Indexes that page through a million refused rows, and give back a million changes, in their order."""

import django.db.models.deletion
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # Imports go on meanwhile: the indexes are built beside them.
    atomic = False

    dependencies = [("campaigns", "0009_contact_indexes")]

    operations = [
        AddIndexConcurrently(
            model_name='importreject',
            index=models.Index(fields=['contact_import', 'row'], name='import_reject_in_order'),
        ),
        AddIndexConcurrently(
            model_name='importreject',
            index=models.Index(fields=['contact_import', 'code', 'row'], name='import_reject_by_code'),
        ),
        migrations.AlterField(
            model_name='importreject',
            name='contact_import',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='rejects', to='campaigns.contactimport'),
        ),
        AddIndexConcurrently(
            model_name='bulkchange',
            index=models.Index(fields=['act', 'id'], name='bulk_change_in_order'),
        ),
        RemoveIndexConcurrently(model_name='bulkchange', name='bulk_change_by_act'),
    ]
