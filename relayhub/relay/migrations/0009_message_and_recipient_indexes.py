import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0008_workspace_logo'),
        ('relay', '0008_sandbox_by_time'),
    ]

    operations = [
        migrations.AlterField(
            model_name='message',
            name='workspace',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='core.workspace'),
        ),
        migrations.AlterField(
            model_name='recipient',
            name='message',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='recipients', to='relay.message'),
        ),
        migrations.AddIndex(
            model_name='message',
            index=models.Index(condition=models.Q(('broadcast_id__isnull', False)), fields=['broadcast_id'], name='message_of_broadcast'),
        ),
        migrations.AddIndex(
            model_name='recipient',
            index=models.Index(fields=['message', 'id'], name='recipient_of_message'),
        ),
    ]
