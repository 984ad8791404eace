from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("analytics", "0003_loose_clicks"),
    ]

    operations = [
        migrations.CreateModel(
            name="SimulatedVisitors",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
            ],
            options={
                "verbose_name_plural": "simulated visitors",
                "managed": False,
                "default_permissions": (),
            },
        ),
    ]
