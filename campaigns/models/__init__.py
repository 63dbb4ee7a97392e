"""Rows about who should hear what and when."""

from campaigns.models.campaign import (
    Broadcast,
    BroadcastAudience,
    BroadcastStatus,
    Campaign,
    CampaignStatus,
    LeftOutReason,
)
from campaigns.models.contact import Contact, FieldDefinition, FieldType
from campaigns.models.contact_work import BulkAct, BulkChange, BulkKind, ContactTaste, SavedView
from campaigns.models.importing import (
    ContactImport,
    ImportBefore,
    ImportKept,
    ImportLeftOff,
    ImportReject,
    ImportSeen,
    KeptReason,
    LeftOffReason,
)
from campaigns.models.mail_template import MailTemplate, TemplateKind, TemplateVersion
from campaigns.models.mailing_list import (
    ConsentAction,
    ConsentEntry,
    MailingList,
    OptIn,
    SignUpForm,
    Subscription,
    SubscriptionStatus,
)
from campaigns.models.picture import HEAVY_BYTES, PICTURE_TYPES, WIDE_PIXELS, Picture, PictureFormat

__all__ = [
    "HEAVY_BYTES",
    "PICTURE_TYPES",
    "WIDE_PIXELS",
    "Broadcast",
    "BroadcastAudience",
    "BroadcastStatus",
    "BulkAct",
    "BulkChange",
    "BulkKind",
    "Campaign",
    "CampaignStatus",
    "ConsentAction",
    "ConsentEntry",
    "Contact",
    "ContactImport",
    "ContactTaste",
    "FieldDefinition",
    "FieldType",
    "ImportBefore",
    "ImportKept",
    "ImportLeftOff",
    "ImportReject",
    "ImportSeen",
    "KeptReason",
    "LeftOffReason",
    "LeftOutReason",
    "MailTemplate",
    "MailingList",
    "OptIn",
    "Picture",
    "PictureFormat",
    "SavedView",
    "SignUpForm",
    "Subscription",
    "SubscriptionStatus",
    "TemplateKind",
    "TemplateVersion",
]
