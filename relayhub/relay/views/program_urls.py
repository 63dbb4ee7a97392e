"""Addresses of the API pages: keys, credentials, examples."""

from django.urls import URLPattern, path

from relayhub.relay.views import program, program_refused, program_smtp

urlpatterns: list[URLPattern] = [
    path("programs", program.api_home, name="api-home"),
    path("programs/keys/new", program.key_new, name="api-key-new"),
    path("programs/keys/<str:key_id>/rotate", program.key_rotate, name="api-key-rotate"),
    path("programs/keys/<str:key_id>/revoke", program.key_revoke, name="api-key-revoke"),
    path("programs/refused", program_refused.refused, name="api-refused"),
    path("programs/refused/<str:refusal_id>", program_refused.refused_one, name="api-refused-one"),
    path("programs/smtp", program_smtp.smtp, name="api-smtp"),
    path("programs/smtp/new", program_smtp.credential_new, name="api-smtp-new"),
    path("programs/smtp/<str:credential_id>/rotate", program_smtp.credential_rotate, name="api-smtp-rotate"),
    path("programs/smtp/<str:credential_id>/revoke", program_smtp.credential_revoke, name="api-smtp-revoke"),
]
