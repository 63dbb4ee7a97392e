"""Addresses of the template pages and of the pictures that templates show."""

from django.urls import URLPattern, path

from campaigns.views import (
    picture_pages,
    template_editor,
    template_pages,
    template_preview,
    template_versions,
    template_visual,
)

urlpatterns: list[URLPattern] = [
    path("templates", template_pages.template_list, name="template-list"),
    path("templates/new", template_pages.template_new, name="template-new"),
    path("templates/starters/<str:key>", template_pages.starter_preview, name="template-starter"),
    path("templates/tests/<str:message_id>", template_editor.template_test_result, name="template-test"),
    path("templates/<str:template_id>", template_editor.template_editor, name="template-detail"),
    path("templates/<str:template_id>/check", template_preview.template_check, name="template-check"),
    path("templates/<str:template_id>/preview", template_preview.template_preview, name="template-preview"),
    path("templates/<str:template_id>/previews", template_preview.template_previews, name="template-previews"),
    path("templates/<str:template_id>/others", template_preview.template_others, name="template-others"),
    path("templates/<str:template_id>/visual", template_visual.template_visual, name="template-visual"),
    path("templates/<str:template_id>/visual/frame", template_visual.template_workbench, name="template-workbench"),
    path("templates/<str:template_id>/thumbnail", template_pages.template_thumbnail, name="template-thumbnail"),
    path("templates/<str:template_id>/versions", template_versions.template_versions, name="template-versions"),
    path("templates/<str:template_id>/versions/<int:number>/restore", template_versions.template_restore,
         name="template-restore"),
    path("templates/<str:template_id>/copy", template_pages.template_copy, name="template-copy"),
    path("templates/<str:template_id>/archive", template_pages.template_archive, name="template-archive"),
    path("templates/<str:template_id>/unarchive", template_pages.template_unarchive, name="template-unarchive"),
    path("templates/<str:template_id>/delete", template_pages.template_delete, name="template-delete"),
    path("pictures", picture_pages.picture_list, name="picture-list"),
    path("pictures/upload", picture_pages.picture_upload, name="picture-upload"),
    path("pictures/choices", picture_pages.picture_choices, name="picture-choices"),
    path("pictures/<str:picture_id>", picture_pages.picture_detail, name="picture-detail"),
    path("pictures/<str:picture_id>/thumbnail", picture_pages.picture_thumbnail, name="picture-thumbnail"),
    path("pictures/<str:picture_id>/smaller", picture_pages.picture_scale, name="picture-scale"),
    path("pictures/<str:picture_id>/delete", picture_pages.picture_delete, name="picture-delete"),
]
