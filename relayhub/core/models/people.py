"""People: users, their membership of workspaces, and invitations."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower

from relayhub.core.clock import now
from relayhub.core.ids import Prefix, encode_id, uuid7
from relayhub.core.models.workspace import Workspace


class UserManager(BaseUserManager["User"]):
    """Makes users whose e-mail address is their name."""

    def _create(self, email: str, password: str | None, **extra: Any) -> User:
        user = self.model(email=self.normalize_email(email).strip(), **extra)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_user(self, email: str, password: str | None = None, **extra: Any) -> User:
        """A person without staff rights; no password = an unusable one."""
        return self._create(email, password, **extra)

    def create_superuser(self, email: str, password: str | None = None, **extra: Any) -> User:
        """A person who may open the Django admin and see all of it."""
        return self._create(email, password, is_staff=True, is_superuser=True, **extra)


class User(AbstractUser):
    """A person who signs in with an e-mail address."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    username = None  # type: ignore[assignment]
    email = models.EmailField(max_length=254, unique=True)
    display_name = models.CharField(max_length=150, blank=True, default="")
    timezone = models.CharField(max_length=64, default="UTC")
    language = models.CharField(max_length=10, default="en")
    #: Asked for at the next sign-in before anything else.
    must_change_password = models.BooleanField(default=False)
    last_workspace = models.ForeignKey(
        Workspace, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(Lower("email"), name="user_email_ci")]

    def __str__(self) -> str:
        return self.email

    @property
    def public_id(self) -> str:
        """The id outside: `usr_…`."""
        return encode_id(Prefix.USER, self.id)

    @property
    def label(self) -> str:
        """What pages call the person."""
        return self.display_name or self.email


class Role(models.TextChoices):
    """What a member may do; CONTRACT section 4 "Roles"."""

    VIEWER = "viewer", "Viewer"  # reads all but message bodies, keys and exports
    MARKETER = "marketer", "Marketer"  # viewer + contacts, lists, templates, campaigns
    DEVELOPER = "developer", "Developer"  # viewer + messages with bodies, keys, credentials, sandbox
    ADMIN = "admin", "Admin"  # both + domains, routes, suppressions, people below owner
    OWNER = "owner", "Owner"  # everything


class Member(models.Model):
    """A person's place in a workspace."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="members")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=12, choices=Role.choices)
    created_at = models.DateTimeField(default=now)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "user"], name="member_once"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="member_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} as {self.role}"

    @property
    def public_id(self) -> str:
        """The id outside: `mem_…`."""
        return encode_id(Prefix.MEMBER, self.id)


class Invitation(models.Model):
    """A letter that lets somebody join a workspace; only its token's hash is kept."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    workspace = models.ForeignKey(Workspace, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField(max_length=254)
    role = models.CharField(max_length=12, choices=Role.choices)
    token_hash = models.CharField(max_length=64, unique=True)
    invited_by = models.ForeignKey(User, null=True, on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(default=now)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="invitation_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.email} as {self.role}"

    @property
    def public_id(self) -> str:
        """The id outside: `inv_…`."""
        return encode_id(Prefix.INVITATION, self.id)
