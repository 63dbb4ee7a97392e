"""Addresses of the message pages and the sandbox inbox."""

from django.urls import URLPattern, path

from relayhub.relay.views import message_acts as acts
from relayhub.relay.views import message_detail as detail
from relayhub.relay.views import messages, sandbox

urlpatterns: list[URLPattern] = [
    path("messages", messages.message_list, name="message-list"),
    path("messages/bulk", acts.message_bulk, name="message-bulk"),
    path("messages/undo/<str:token>", acts.message_undo, name="message-undo"),
    path("messages/<str:public_id>", detail.message_detail, name="message-detail"),
    path("messages/<str:public_id>/live", detail.message_live, name="message-live"),
    path("messages/<str:public_id>/content", detail.message_content, name="message-content"),
    path("messages/<str:public_id>/source", detail.message_source, name="message-source"),
    path("messages/<str:public_id>/headers", detail.message_headers, name="message-headers"),
    path("messages/<str:public_id>/frame", detail.message_frame, name="message-frame"),
    path("messages/<str:public_id>/evidence", detail.message_evidence, name="message-evidence"),
    path("messages/<str:public_id>/raw", detail.message_raw, name="message-raw"),
    path(
        "messages/<str:public_id>/attachments/<int:number>", detail.message_attachment, name="message-attachment"
    ),
    path("messages/<str:public_id>/pictures/<int:number>", detail.message_picture, name="message-picture"),
    path("messages/<str:public_id>/cancel", acts.message_cancel, name="message-cancel"),
    path("messages/<str:public_id>/hold", acts.message_hold, name="message-hold"),
    path("messages/<str:public_id>/release", acts.message_release, name="message-release"),
    path("messages/<str:public_id>/retry", acts.message_retry, name="message-retry"),
    path("messages/<str:public_id>/resend", acts.message_resend, name="message-resend"),
    path("sandbox", sandbox.sandbox_inbox, name="sandbox-inbox"),
    path("sandbox/new", sandbox.sandbox_new, name="sandbox-new"),
    path("sandbox/read-all", sandbox.sandbox_read_all, name="sandbox-read-all"),
    path("sandbox/clear", sandbox.sandbox_clear, name="sandbox-clear"),
    path("sandbox/restore", sandbox.sandbox_restore, name="sandbox-restore"),
    path("sandbox/<str:public_id>", sandbox.sandbox_message, name="sandbox-message"),
    path("sandbox/<str:public_id>/unread", sandbox.sandbox_unread, name="sandbox-unread"),
]
