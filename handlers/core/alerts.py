"""What monitoring has said about an incident since the last line, as one line of its timeline."""

from collections.abc import Sequence

from handlers.core.context import Context
from workflows import alert as rules
from workflows import incident as incidents
from workflows.alert import Alert
from workflows.core.outcome import Timer
from workflows.incident import Incident

TIMER = "alerts"
#: So many alerts are named in a line; of others it says how many.
MOST_NAMED = 3


def tell(context: Context, incident: Incident) -> None:
    """Now, or when the timeline has rested long enough: alerts alone do not renew the promise of an update, nor fill the chat."""
    last = context.uow.alerts_told_at(incident.ref)
    if last is not None and context.now < last + rules.QUIET:
        context.uow.wake(incident, Timer(TIMER, last + rules.QUIET))
        return
    news = [alert for alert in context.uow.alerts_of(incident.ref) if alert.news]
    if not news:
        return
    context.uow.apply(incidents.alerted(incident, by=context.person, text=_line(context, news)))
    for alert in news:
        context.uow.keep_alert(rules.told(alert, context.now))


def _line(context: Context, news: Sequence[Alert]) -> str:
    firing, over = [one for one in news if one.firing], [one for one in news if not one.firing]
    parts = []
    if again := rules.times(news):
        parts.append(context.words.say("alert.again", count=again, titles=_titles(context, firing or over)))
    if over:
        parts.append(context.words.say("alert.over", titles=_titles(context, over)))
    return context.words.join(parts) or _titles(context, news)


def _titles(context: Context, alerts: Sequence[Alert]) -> str:
    named = context.words.join([alert.title for alert in alerts[:MOST_NAMED]])
    more = len(alerts) - MOST_NAMED
    return context.words.say("alert.and_more", titles=named, count=more) if more > 0 else named
