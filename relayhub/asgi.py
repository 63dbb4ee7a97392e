"""The ASGI entry point: `uvicorn relayhub.asgi:application`."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "relayhub.settings")
application = get_asgi_application()
