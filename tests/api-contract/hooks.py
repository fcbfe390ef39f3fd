"""What schemathesis needs to know beside /openapi.json, and what it counts; loaded by main.ts through SCHEMATHESIS_HOOKS.

Every RECIPE_EVERY-th valid example of an operation gets the ids of things that are there: the recipe of the operation
makes them first, by the API itself, so that each operation is also seen to succeed. All other examples stay as they
were generated. Every answer is counted by operation and written to CONTRACT_TALLY at the end.
"""

import atexit
import hashlib
import itertools
import json
import os
import time

import requests
import schemathesis

URL = os.environ["CONTRACT_URL"]
KEY = os.environ["CONTRACT_KEY"]
# pk.<app>.<id>.<secret>
OWN_KEY_ID = KEY.split(".")[-2]
RECIPE_EVERY = 8
TEMPORARY = {429, 503, 504}
TRIES_MAX = 100
TRY_SECONDS = 0.02
# Sessions that a webhook gives up at once: it takes seconds.
DEAD_SESSIONS = 20

session = requests.Session()
session.headers["authorization"] = f"Bearer {KEY}"
numbers = itertools.count(1)
RUN = format(int(time.time() * 1000), "x")


def fresh(kind="u"):
    """An id that nobody has had."""
    return f"{kind}{RUN}.{next(numbers)}"


def call(method, path, user=None, body=None, fits=lambda status, answer: status < 300, tries=TRIES_MAX):
    """Calls until the answer fits: views are a moment behind the log."""
    for _ in range(tries):
        headers = {} if user is None else {"packlog-user": user}
        reply = session.request(method, URL + path, headers=headers, json=body)
        answer = reply.json()
        if fits(reply.status_code, answer):
            return answer
        if reply.status_code >= 400 and reply.status_code not in TEMPORARY | {403, 404}:
            break
        time.sleep(TRY_SECONDS)
    raise AssertionError(f"{method} {path}: {reply.status_code} {reply.text}")


# Nobody listens there, and npm start lets webhooks call this machine.
WEBHOOK_URL = "http://127.0.0.1:9/hook"
TEXT = {"kind": "Text", "text": "hello"}


class Scene:
    """Things that are there."""

    def __init__(self):
        self.dead_sessions = []

    def message(self):
        """A message of one user to another: its session, its target, both users."""
        one, two = fresh(), fresh()
        sent = call("POST", "/v1/messages/text", one, {"to": two, "text": "hello"})
        return sent["sessionId"], {"seq": sent["seq"], "packId": sent["packId"]}, one, two

    def group(self, members=1, **settings):
        """A group: its id, its owner, its members."""
        owner, group = fresh(), fresh("g")
        others = [fresh() for _ in range(members)]
        body = {"groupId": group, "info": {"name": "a group"}, "members": others, "settings": settings}
        call("POST", "/v1/groups", owner, body)
        known = lambda status, answer: status == 200 and "group" in answer
        call("GET", f"/v1/groups/{group}", owner, fits=known)
        return group, owner, others

    def request(self):
        """A group that somebody asks to come into."""
        group, owner, _ = self.group(joinPolicy="approval")
        asker = fresh()
        call("POST", f"/v1/groups/{group}/join", asker, {})
        return group, owner, asker

    def invite(self):
        group, owner, _ = self.group()
        made = call("POST", f"/v1/groups/{group}/invites", owner, INVITE())
        listed = call(
            "GET", f"/v1/groups/{group}/invites", owner, fits=lambda status, answer: bool(answer.get("invites"))
        )
        return group, owner, listed["invites"][0]["inviteId"], made

    def asked(self):
        """Somebody who has asked another to be friends."""
        one, two = fresh(), fresh()
        call("POST", f"/v1/friends/{two}/request", one, {})
        return one, two

    def friends(self):
        one, two = self.asked()
        call("POST", f"/v1/friends/{one}/accept", two)
        return one, two

    def file(self):
        """A file that was put: its id and its owner."""
        owner, content = fresh(), fresh("content").encode()
        announced = {"mime": "image/png", "size": len(content), "hash": hashlib.sha256(content).hexdigest()}
        media = call("POST", "/v1/media", owner, announced)
        upload = media["upload"]
        requests.put(upload["url"], data=content, headers=upload["headers"]).raise_for_status()
        return media["mediaId"], owner

    def webhook(self):
        """A webhook; those that were made before it go, for an app has so many at most."""
        self.dead_sessions = []
        for webhook in call("GET", "/v1/webhooks")["webhooks"]:
            if not webhook["readOnly"]:
                call("DELETE", f"/v1/webhooks/{webhook['webhookId']}")
        webhook_id = fresh("w").replace(".", "-")
        call("POST", "/v1/webhooks", None, {"webhookId": webhook_id, "url": WEBHOOK_URL})
        call("GET", f"/v1/webhooks/{webhook_id}")
        return webhook_id

    def dead_session(self):
        """A session whose deliveries a webhook has given up, and the webhook; many are made at once."""
        if not self.dead_sessions:
            webhook = self.webhook()
            given_up = []
            # What was said before the webhook was known everywhere it is not told of.
            while len(given_up) < DEAD_SESSIONS:
                self.message()
                given_up = call("GET", f"/v1/webhooks/{webhook}/dead")["sessions"]
            self.dead_sessions = [{"webhookId": webhook, "sessionId": one["sessionId"]} for one in given_up]
        return self.dead_sessions.pop()

    def letter(self):
        """The place of a dead letter that waits: main.ts has written them."""
        waiting = call("GET", "/v1/dead-letters?limit=1")["letters"][0]
        return {part: waiting[part] for part in ("processor", "topic", "partition", "offset")}

    def key(self):
        """A key; those that were made before it go, for an app has so many at most."""
        for key in call("GET", "/v1/keys")["keys"]:
            if key["keyId"] != OWN_KEY_ID:
                call("DELETE", f"/v1/keys/{key['keyId']}")
        made = call("POST", "/v1/keys", None, {"name": "a key", "scopes": ["messages:read"]})
        call("GET", "/v1/keys", fits=lambda status, answer: made["keyId"] in [key["keyId"] for key in answer["keys"]])
        return made["keyId"]


scene = Scene()


def INVITE():
    return {
        "secretHash": hashlib.sha256(b"secret").hexdigest(),
        "expiresAt": int(time.time() * 1000) + 3_600_000,
        "usesMax": 5,
    }


def on_message(body=lambda target: {"target": target}, by=0):
    def recipe():
        session_id, target, *users = scene.message()
        return {"path": {"sessionId": session_id}, "user": users[by], "body": body(target)}

    return recipe


def in_group(body=None, by_owner=True, path=lambda others: {}, **settings):
    def recipe():
        group, owner, others = scene.group(members=2, **settings)
        user = owner if by_owner else others[0]
        given = {"path": {"groupId": group, **path(others)}, "user": user, "query": {}}
        return given if body is None else {**given, "body": body(others)}

    return recipe


def between(made, by, body=None):
    """One of two users does something about the other."""

    def recipe():
        users = made()
        given = {"path": {"userId": users[1 - by]}, "user": users[by]}
        return given if body is None else {**given, "body": body}

    return recipe


def said(body, **more):
    return lambda: {"body": body() if callable(body) else body, **more}


def reacted():
    session_id, target, one, _ = scene.message()
    body = {"target": target, "emoji": "👍"}
    call("POST", f"/v1/sessions/{session_id}/reactions", one, body)
    return {"path": {"sessionId": session_id}, "user": one, "body": body}


def outcome():
    session_id, target, one, _ = scene.message()
    return {"path": {"sessionId": session_id, "packId": target["packId"]}, "user": one}


def blocked():
    one, two = fresh(), fresh()
    call("PUT", f"/v1/blocks/{two}", one)
    return {"path": {"userId": two}, "user": one}


def history():
    session_id, _, one, _ = scene.message()
    return {"path": {"sessionId": session_id}, "user": one, "query": {"afterSeq": 0}}


def receipts():
    session_id, _, one, _ = scene.message()
    return {"path": {"sessionId": session_id, "seq": 1}, "user": one, "query": {}}


def join_answer():
    group, owner, asker = scene.request()
    return {"path": {"groupId": group, "userId": asker}, "user": owner, "body": {"approved": True}}


def invite_end():
    group, owner, invite, _ = scene.invite()
    return {"path": {"groupId": group, "inviteId": invite}, "user": owner}


def download():
    media, owner = scene.file()
    return {"path": {"mediaId": media}, "user": owner, "query": {}}


def in_new_session():
    one, two = sorted([fresh(), fresh()])
    return {"user": one, "body": {"sessionId": f"s:{one}:{two}", "content": TEXT}}


def device():
    return {"serviceType": 7, "packageName": "org.example", "appVersion": "1", "token": fresh("token")}


def registered():
    user, made = fresh(), device()
    call("POST", "/v1/me/push-devices", user, made)
    return {"user": user, "body": {"serviceType": made["serviceType"], "token": made["token"]}}


def on_webhook(body=None, **query):
    def recipe():
        given = {"path": {"webhookId": scene.webhook()}, "query": query}
        return given if body is None else {**given, "body": body}

    return recipe


def cancel_jobs():
    """An app has so many at most."""
    for job in call("GET", "/v1/jobs")["jobs"]:
        if job["state"] in ("waiting", "running"):
            call("POST", f"/v1/jobs/{job['jobId']}/cancel", fits=lambda status, answer: status < 300 or status == 409)


def exported():
    """An export that is done."""
    cancel_jobs()
    started = call("POST", "/v1/jobs/export-user", None, {"userId": fresh()})
    path = f"/v1/jobs/{started['jobId']}"
    call("GET", path, fits=lambda status, answer: answer.get("state") == "done", tries=1_000)
    return {"path": {"jobId": started["jobId"]}}


def running():
    """A job that takes a while."""
    cancel_jobs()
    users = [{"userId": fresh(), "profile": {"name": "Ann"}} for _ in range(30)]
    started = call("POST", "/v1/jobs/import-users", None, {"users": users, "perSecond": 1})
    path = f"/v1/jobs/{started['jobId']}"
    call("GET", path)
    return {"path": {"jobId": started["jobId"]}}


def on_letter(body=None):
    return lambda: {"path": scene.letter(), **({} if body is None else {"body": body})}


def in_session(**more):
    def recipe():
        session_id, *_ = scene.message()
        return {"path": {"sessionId": session_id}, **more}

    return recipe


def moderated():
    session_id, target, *_ = scene.message()
    return {"path": {"sessionId": session_id}, "body": {"target": target}}


def erased():
    user = fresh()
    call("POST", f"/v1/users/{user}/erase", None, {})
    return {"path": {"userId": user}}


def known():
    """A user whom the views know."""
    user = fresh()
    call("PATCH", "/v1/me/profile", user, {"profile": {"name": "Ann"}})
    call("GET", f"/v1/users/{user}")
    return {"path": {"userId": user}}


RECIPES = {
    "getWebhook": on_webhook(),
    "changeWebhook": on_webhook({"sessionKinds": []}),
    "rotateWebhookSecret": on_webhook(),
    "testWebhook": on_webhook(),
    "deleteWebhook": on_webhook(),
    "listDeliveries": on_webhook(),
    "listDeadSessions": on_webhook(),
    "createWebhook": said({"url": WEBHOOK_URL}),
    "readSession": in_session(query={}),
    "moderateMessage": moderated,
    "moderateGroup": in_group(),
    "holdSession": in_session(body={}),
    "releaseSession": in_session(body={}),
    "getErasure": erased,
    "getUser": known,
    "searchMessages": lambda: {"query": {"words": "hello"}, "user": fresh()},
    "sendText": said(lambda: {"to": fresh(), "text": "hello"}),
    "sendMessage": in_new_session,
    "sendBatch": said(lambda: {"to": [fresh(), fresh()], "content": TEXT}),
    "listEvents": history,
    "getOutcome": outcome,
    "listReceipts": receipts,
    "revokeMessage": on_message(),
    "overrideMessage": on_message(lambda target: {"target": target, "content": TEXT}),
    "deleteForAll": on_message(),
    "deleteForMe": on_message(lambda target: {"targets": [target]}),
    "addReaction": on_message(lambda target: {"target": target, "emoji": "👍"}),
    "removeReaction": reacted,
    "markRead": on_message(lambda target: {"seq": target["seq"]}, by=1),
    "markDelivered": on_message(lambda target: {"seq": target["seq"]}, by=1),
    "clearSession": on_message(lambda target: {"seq": target["seq"]}, by=1),
    "setSessionAttributes": on_message(lambda target: {"attributes": {"pinned": True}}, by=1),
    "createGroup": said(lambda: {"groupId": fresh("g"), "info": {"name": "a group"}, "members": [fresh()]}),
    "getGroup": in_group(),
    "dismissGroup": in_group(),
    "updateGroupInfo": in_group(lambda others: {"info": {"notice": "hello"}}),
    "updateGroupSettings": in_group(lambda others: {"settings": {"mutedAll": True}}),
    "joinGroup": lambda: {"path": {"groupId": scene.group()[0]}, "user": fresh(), "body": {}},
    "quitGroup": in_group(by_owner=False),
    "listMembers": in_group(),
    "addMembers": in_group(lambda others: {"userIds": [fresh()]}),
    "getMember": in_group(path=lambda others: {"userId": others[0]}),
    "removeMembers": in_group(lambda others: {"userIds": others[:1]}),
    "changeOwner": in_group(lambda others: {"userId": others[0]}),
    "setRole": in_group(lambda others: {"userIds": others[:1], "role": "admin"}),
    "muteMember": in_group(
        lambda others: {"until": int(time.time() * 1000) + 60_000}, path=lambda others: {"userId": others[0]}
    ),
    "setAlias": in_group(lambda others: {"alias": "captain"}, path=lambda others: {"userId": others[0]}),
    "listJoinRequests": in_group(),
    "answerJoin": join_answer,
    "listInvites": in_group(),
    "createInvite": in_group(lambda others: INVITE()),
    "revokeInvite": invite_end,
    "requestFriend": between(lambda: (fresh(), fresh()), 0, {}),
    "acceptFriend": between(scene.asked, 1),
    "refuseFriend": between(scene.asked, 1),
    "deleteFriend": between(scene.friends, 0),
    "remarkFriend": between(scene.friends, 0, {"remark": "the tall one"}),
    "unblockUser": blocked,
    "updateProfile": said({"profile": {"name": "Ann"}}),
    "updateSettings": said({"settings": {"hidden": True}}),
    "setUserAttributes": said({"attributes": [{"name": "colour", "value": "red"}]}),
    "registerDevice": said(device),
    "unregisterDevice": registered,
    "reportPushOpened": said({"pushId": "push-1"}),
    "push": said(lambda: {"userId": fresh(), "title": "hello"}),
    "startUpload": said({"mime": "image/png", "size": 10, "hash": "0" * 64}),
    "getDownloadLink": download,
    "deleteMedia": download,
    "notify": said(lambda: {"to": [fresh()], "content": TEXT}),
    "revokeTokens": said(lambda: {"userId": fresh()}),
    "logout": said({"connectionIds": []}),
    "createKey": said({"name": "a key", "scopes": ["messages:read"]}),
    "createAppKey": lambda: {"path": {"app": fresh("app")}, "body": {"name": "a key", "scopes": ["messages:read"]}},
    "rotateKey": lambda: {"path": {"keyId": scene.key()}, "body": {"overlapMs": 0}},
    "revokeKey": lambda: {"path": {"keyId": scene.key()}},
    "getJob": exported,
    "cancelJob": running,
    "getJobResult": exported,
    "setKeyQuota": lambda: {"path": {"keyId": scene.key()}, "body": {"perDay": 1_000}},
    "inspectDeadLetter": on_letter(),
    "retryDeadLetter": on_letter(),
    "discardDeadLetter": on_letter({"reason": "too old"}),
    "replayDeadSession": lambda: {"path": scene.dead_session()},
    "discardDeadSession": lambda: {"path": scene.dead_session()},
}

valid = {}
tally = {}


def operation_id(case):
    return case.operation.definition.raw["operationId"]


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    name = operation_id(case)
    nth = valid[name] = valid.get(name, 0) + 1
    if name not in RECIPES or nth % RECIPE_EVERY != 1:
        return
    given = RECIPES[name]()
    case.headers.pop("idempotency-key", None)
    if "path" in given:
        case.path_parameters = given["path"]
    if "query" in given:
        case.query = given["query"]
    if "body" in given:
        case.body = given["body"]
        case.media_type = "application/json"
    if case.operation.definition.raw["x-acts-for"] != "app":
        case.headers["packlog-user"] = given.get("user") or fresh()


@schemathesis.hook
def after_call(context, case, response):
    statuses = tally.setdefault(operation_id(case), {})
    status = str(response.status_code)
    statuses[status] = statuses.get(status, 0) + 1


@atexit.register
def write():
    with open(os.environ["CONTRACT_TALLY"], "w") as file:
        json.dump(tally, file)
