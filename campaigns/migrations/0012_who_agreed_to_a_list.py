"""Whom a file does not let onto the list, and why."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0011_picture'),
    ]

    operations = [
        migrations.AddField(
            model_name='contactimport',
            name='not_joined',
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name='contactimport',
            name='unclear_values',
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name='contactimport',
            name='unused_answer',
            field=models.CharField(blank=True, default='', max_length=255),
        ),
        migrations.CreateModel(
            name='ImportLeftOff',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('row', models.BigIntegerField()),
                ('email', models.CharField(max_length=320)),
                ('reason', models.CharField(choices=[('said_no', 'Said no'), ('empty', 'Nothing said'), ('unclear', 'Neither yes nor no'), ('on_it_already', 'Said no, but on the list already')], max_length=13)),
                ('said', models.CharField(blank=True, default='', max_length=100)),
                ('contact', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='campaigns.contact')),
                ('contact_import', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='left_off', to='campaigns.contactimport')),
            ],
            options={
                'ordering': ['row'],
                'indexes': [models.Index(fields=['contact_import', 'row'], name='import_left_off_in_order')],
            },
        ),
    ]
