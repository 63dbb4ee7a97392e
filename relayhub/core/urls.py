"""Addresses of the frame."""

from django.urls import URLPattern, path

from relayhub.core import views

urlpatterns: list[URLPattern] = [
    path("workspace", views.switch_workspace, name="workspace-switch"),
    path("no-workspace", views.no_workspace, name="no-workspace"),
    path("logo/<uuid:file_id>.png", views.logo, name="logo"),
    path("words/<str:language>-<str:version>.js", views.words_of_scripts, name="script-words"),
    path("way-back/forget", views.forget_way_back, name="way-back-forget"),
    path("theme", views.theme, name="theme"),
    path("invitations/<str:token>", views.invitation, name="invitation"),
]
