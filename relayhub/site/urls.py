"""Addresses of what belongs to all parts: Home, jobs."""

from django.urls import URLPattern, URLResolver, include, path

from relayhub.site import home, jobs, paused, search

urlpatterns: list[URLPattern | URLResolver] = [
    path("", home.home, name="home"),
    path("home/live", home.home_live, name="home-live"),
    path("search", search.search, name="search"),
    path("search/hits", search.search_hits, name="search-hits"),
    path("jobs", jobs.job_list, name="job-list"),
    path("jobs/live", jobs.jobs_live, name="jobs-live"),
    path("jobs/seen", jobs.jobs_seen, name="jobs-seen"),
    path("jobs/<str:job_id>", jobs.job_detail, name="job-detail"),
    path("jobs/<str:job_id>/cancel", jobs.job_cancel, name="job-cancel"),
    path("jobs/<str:job_id>/mail", jobs.job_mail, name="job-mail"),
    path("jobs/<str:job_id>/file", jobs.job_file, name="job-file"),
    path("sending", paused.sending, name="sending"),
    path("", include("relayhub.site.settings_urls")),
    path("", include("relayhub.site.help_urls")),
]
