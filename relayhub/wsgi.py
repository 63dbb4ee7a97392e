"""The WSGI entry point, for servers without ASGI; live pages then poll."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "relayhub.settings")
application = get_wsgi_application()
