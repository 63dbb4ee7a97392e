"""Indexes that find and sort one contact in a million: by name, source, words, and the value of a field."""

import campaigns.models.contact
import django.contrib.postgres.indexes
import django.db.models.functions.comparison
import django.db.models.functions.text
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # Imports and sign-ups go on meanwhile: the indexes are built beside them.
    atomic = False

    dependencies = [("campaigns", "0008_contact_work")]

    operations = [
        AddIndexConcurrently(
            model_name='contact',
            index=models.Index(models.F('workspace'), django.db.models.functions.text.Lower(django.db.models.functions.text.Left(django.db.models.functions.comparison.Coalesce(django.db.models.functions.comparison.NullIf('name', models.Value('')), 'email_key'), 80)), models.F('id'), name='contact_by_title'),
        ),
        AddIndexConcurrently(
            model_name='contact',
            index=models.Index(fields=['workspace', 'source', '-id'], name='contact_by_source'),
        ),
        AddIndexConcurrently(
            model_name='contact',
            index=django.contrib.postgres.indexes.GinIndex(campaigns.models.contact.Words('name', 'email_key'), name='contact_words'),
        ),
        AddIndexConcurrently(
            model_name='contact',
            index=django.contrib.postgres.indexes.GinIndex(fields=['fields'], name='contact_field_values', opclasses=['jsonb_path_ops']),
        ),
    ]
