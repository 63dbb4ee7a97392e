#!/bin/sh
# Starts one service of the production shape: web, workers, beat, smtpd, mx; `migrate` prepares the database.
set -eu
cd "$(dirname "$0")/../.."

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
    exec uvicorn relayhub.asgi:application --host "$RELAYHUB_BIND" --port "${RELAYHUB_HTTP_PORT:-8000}" \
      --workers "${RELAYHUB_WEB_PROCESSES:-2}" --no-access-log --lifespan off --no-server-header
    ;;
  workers)
    wait_for_migrations
    exec celery -A relayhub worker --queues relay,imports,reports,housekeeping --pool threads --concurrency 6 \
      --without-gossip --without-mingle --loglevel WARNING
    ;;
  beat)
    wait_for_migrations
    exec celery -A relayhub beat --schedule /tmp/beat-schedule --pidfile= --loglevel WARNING
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
