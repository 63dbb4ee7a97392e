from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0008_workspace_logo'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='auditentry',
            index=models.Index(fields=['workspace', 'object_type', '-id'], name='audit_workspace_kind'),
        ),
    ]
