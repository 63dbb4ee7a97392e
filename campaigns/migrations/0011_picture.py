"""The picture library of a workspace."""

import django.db.models.deletion
import relayhub.core.clock
import relayhub.core.ids
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('campaigns', '0010_rejects_and_changes_in_order'),
        ('core', '0008_workspace_logo'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Picture',
            fields=[
                ('id', models.UUIDField(default=relayhub.core.ids.uuid7, editable=False, primary_key=True, serialize=False)),
                ('key', models.CharField(editable=False, max_length=40, unique=True)),
                ('source_hash', models.CharField(editable=False, max_length=64)),
                ('name', models.CharField(max_length=200)),
                ('alternative_text', models.CharField(blank=True, default='', max_length=300)),
                ('format', models.CharField(choices=[('png', 'PNG'), ('jpg', 'JPEG'), ('gif', 'GIF'), ('webp', 'WebP')], max_length=4)),
                ('width', models.PositiveIntegerField()),
                ('height', models.PositiveIntegerField()),
                ('size_bytes', models.PositiveIntegerField()),
                ('is_animated', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField(default=relayhub.core.clock.now)),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('file', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='core.storedfile')),
                ('thumbnail', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='core.storedfile')),
                ('workspace', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='pictures', to='core.workspace')),
            ],
            options={
                'ordering': ['-id'],
                'indexes': [models.Index(fields=['workspace', '-id'], name='picture_newest')],
                'constraints': [models.UniqueConstraint(fields=('workspace', 'source_hash'), name='picture_once'), models.CheckConstraint(condition=models.Q(('format__in', ['png', 'jpg', 'gif', 'webp'])), name='picture_format_known')],
            },
        ),
    ]
