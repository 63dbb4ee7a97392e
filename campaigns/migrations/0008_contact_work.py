"""Saved views, columns by person, and acts on many contacts with what undoes them."""

import django.db.models.deletion
import relayhub.core.clock
import relayhub.core.ids
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0007_import_types_and_formats'),
        ('core', '0005_job_notices'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='BulkAct',
            fields=[
                ('id', models.UUIDField(default=relayhub.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('kind', models.CharField(choices=[('add_to_list', 'Add to a list'), ('remove_from_list', 'Remove from a list'), ('unsubscribe', 'Unsubscribe from a list'), ('suppress', 'Suppress'), ('set_field', 'Set a field'), ('delete', 'Delete')], max_length=16)),
                ('field_key', models.CharField(blank=True, default='', max_length=60)),
                ('value', models.JSONField(null=True)),
                ('source', models.CharField(blank=True, default='', max_length=500)),
                ('chosen', models.JSONField(default=dict)),
                ('actor', models.CharField(blank=True, default='', max_length=300)),
                ('channel', models.CharField(default='dashboard', max_length=20)),
                ('changed', models.BigIntegerField(default=0)),
                ('left_alone', models.BigIntegerField(default=0)),
                ('created_at', models.DateTimeField(default=relayhub.core.clock.now)),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('undone_at', models.DateTimeField(blank=True, null=True)),
                ('restored', models.BigIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name='BulkChange',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('contact_id', models.UUIDField()),
                ('before', models.JSONField(default=dict)),
            ],
        ),
        migrations.CreateModel(
            name='ContactTaste',
            fields=[
                ('id', models.UUIDField(default=relayhub.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('columns', models.JSONField(default=dict)),
            ],
        ),
        migrations.CreateModel(
            name='SavedView',
            fields=[
                ('id', models.UUIDField(default=relayhub.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('name', models.CharField(max_length=120)),
                ('made_by', models.CharField(blank=True, default='', max_length=300)),
                ('query', models.JSONField(default=dict)),
                ('columns', models.JSONField(default=list)),
                ('created_at', models.DateTimeField(default=relayhub.core.clock.now)),
                ('updated_at', models.DateTimeField(default=relayhub.core.clock.now)),
            ],
            options={
                'ordering': ['name', 'id'],
            },
        ),
        migrations.AlterField(
            model_name='contact',
            name='name',
            field=models.CharField(blank=True, default='', max_length=500),
        ),
        migrations.AddField(
            model_name='bulkact',
            name='created_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='bulkact',
            name='job',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='core.job'),
        ),
        migrations.AddField(
            model_name='bulkact',
            name='mailing_list',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='campaigns.mailinglist'),
        ),
        migrations.AddField(
            model_name='bulkact',
            name='workspace',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='core.workspace'),
        ),
        migrations.AddField(
            model_name='bulkchange',
            name='act',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='campaigns.bulkact'),
        ),
        migrations.AddField(
            model_name='contacttaste',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='contacttaste',
            name='workspace',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='core.workspace'),
        ),
        migrations.AddField(
            model_name='savedview',
            name='owner',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='savedview',
            name='workspace',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='core.workspace'),
        ),
        migrations.AddField(
            model_name='contacttaste',
            name='default_view',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='campaigns.savedview'),
        ),
        migrations.AddConstraint(
            model_name='bulkact',
            constraint=models.CheckConstraint(condition=models.Q(('kind__in', ['add_to_list', 'remove_from_list', 'unsubscribe', 'suppress', 'set_field', 'delete'])), name='bulk_kind_known'),
        ),
        migrations.AddIndex(
            model_name='bulkchange',
            index=models.Index(fields=['act', 'contact_id'], name='bulk_change_by_act'),
        ),
        migrations.AddConstraint(
            model_name='savedview',
            constraint=models.UniqueConstraint(fields=('workspace', 'owner', 'name'), name='saved_view_name_once', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='contacttaste',
            constraint=models.UniqueConstraint(fields=('workspace', 'user'), name='contact_taste_once'),
        ),
    ]
