"""Addresses of the route pages."""

from django.urls import URLPattern, path

from relayhub.relay.views import routes, routes_go_live

urlpatterns: list[URLPattern] = [
    path("routes", routes.route_list, name="route-list"),
    path("routes/new", routes.route_new, name="route-new"),
    path("routes/go-live", routes_go_live.route_go_live, name="route-go-live"),
    path("routes/<str:route_id>", routes.route_edit, name="route-edit"),
    path("routes/<str:route_id>/move", routes.route_move, name="route-move"),
    path("routes/<str:route_id>/delete", routes.route_delete, name="route-delete"),
    path("routes/<str:route_id>/check", routes.route_check, name="route-check"),
]
