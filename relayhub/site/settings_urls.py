"""Addresses of the settings: workspace, people, security, sending, audit log, profile."""

from django.urls import URLPattern, path

from relayhub.site import settings_audit, settings_people, settings_security, settings_workspace

urlpatterns: list[URLPattern] = [
    path("settings", settings_workspace.settings_home, name="settings-home"),
    path("settings/logo", settings_workspace.settings_logo, name="settings-logo"),
    path("settings/sending", settings_workspace.settings_sending, name="settings-sending"),
    path("settings/sending/resume", settings_workspace.settings_resume, name="settings-resume"),
    path("settings/people", settings_people.settings_people, name="settings-people"),
    path("settings/people/<str:member_id>/role", settings_people.member_role, name="settings-member-role"),
    path("settings/people/<str:member_id>/remove", settings_people.member_remove, name="settings-member-remove"),
    path(
        "settings/invitations/<str:invitation_id>/revoke", settings_people.invitation_revoke,
        name="settings-invitation-revoke",
    ),
    path("settings/security", settings_security.settings_security, name="settings-security"),
    path("settings/security/require", settings_security.security_require, name="settings-security-require"),
    path("settings/security/sessions/end", settings_security.sessions_end, name="settings-sessions-end"),
    path(
        "settings/security/sessions/<int:session_id>/end", settings_security.session_end, name="settings-session-end"
    ),
    path("settings/audit", settings_audit.settings_audit, name="settings-audit"),
    path("settings/audit/check", settings_audit.audit_check_start, name="settings-audit-check"),
    path("settings/profile", settings_security.profile, name="profile"),
]
