from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("analytics", "0004_simulated_visitors"),
    ]

    operations = [
        migrations.AddField(
            model_name="sittingmoments",
            name="looked",
            field=models.BigIntegerField(default=0),
        ),
    ]
