#!/bin/sh
# Starts one service of the production shape: web, workers, beat, smtpd, mx; `migrate` prepares the database.
set -eu
cd "$(dirname "$0")/../.."
python -m relayhub.catalogs

wait_for_migrations() {
  until python manage.py migrate --check >/dev/null 2>&1; do
    echo "waiting for the migrations" >&2
    sleep 2
  done
}

case "${1:-web}" in
  migrate)
    python manage.py migrate --noinput
    exec python manage.py first_run
    ;;
  web)
    python manage.py collectstatic --noinput --verbosity 0
    wait_for_migrations
    exec uvicorn relayhub.asgi:application --host "${RELAYHUB_BIND:-127.0.0.1}" --port "${RELAYHUB_HTTP_PORT:-8000}" \
      --workers "${RELAYHUB_WEB_PROCESSES:-2}" --no-access-log --lifespan off --no-server-header \
      --no-proxy-headers
    ;;
  workers)
    wait_for_migrations
    exec python manage.py workers
    ;;
  beat)
    wait_for_migrations
    exec celery -A relayhub.beat beat --schedule "${TMPDIR:-/tmp}/relayhub-beat-$$" --pidfile= --loglevel WARNING
    ;;
  smtpd)
    wait_for_migrations
    exec python manage.py smtpd --role submission
    ;;
  mx)
    wait_for_migrations
    exec python manage.py smtpd --role mx
    ;;
  *)
    exec "$@"
    ;;
esac
