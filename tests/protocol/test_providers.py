"""Who runs a domain's mail and DNS, by host names."""

import pytest

from relayhub.protocol.providers import dns_operator, is_public_suffix, registrable_domain, site_of


@pytest.mark.parametrize(
    ("domain", "hosts", "site"),
    [
        ("company.example", ["aspmx.l.google.com", "alt1.aspmx.l.google.com"], "google"),
        ("company.example", ["smtp.google.com"], "google"),
        ("company.example", ["company-example.mail.protection.outlook.com"], "microsoft-365"),
        ("company.example", ["company-example.a-v1.mx.microsoft"], "microsoft-365"),
        ("outlook.com", ["outlook-com.olc.protection.outlook.com"], "microsoft-consumer"),
        ("yahoo.com", ["mta5.am0.yahoodns.net"], "yahoo"),
        ("icloud.com", ["mx01.mail.icloud.com"], "apple"),
        ("gmx.de", ["mx00.emig.gmx.net"], "gmx"),
        ("company.example", ["mxa-0001.gslb.pphosted.com"], "proofpoint"),
        ("company.example", ["eu-smtp-inbound-1.mimecast.com"], "mimecast"),
        ("company.example", ["MX00.IONOS.DE."], "ionos"),
        ("company.example", ["mx1.mail.ovh.net"], "ovh"),
        ("gmail.com", [], "google"),
        ("company.example", ["mail.company.co.uk"], "company.co.uk"),
        ("company.example", [], "company.example"),
        ("localhost", ["localhost"], "localhost"),
        ("gmail.com", ["mx.elsewhere.example"], "elsewhere.example"),
    ],
)
def test_sites(domain, hosts, site):
    assert site_of(domain, hosts).site == site


def test_an_unknown_provider_has_no_name():
    assert site_of("company.example", ["mx.company.example"]).provider == ""


def test_names_under_public_suffixes():
    assert registrable_domain("a.b.example.co.uk") == "example.co.uk"
    assert registrable_domain("co.uk") == ""
    assert is_public_suffix("co.uk")
    assert not is_public_suffix("example.co.uk")


@pytest.mark.parametrize(
    ("hosts", "operator"),
    [
        (["amy.ns.cloudflare.com"], "Cloudflare"),
        (["ns-1.awsdns-00.org"], "Amazon Route 53"),
        (["ns1.company.example"], ""),
        ([], ""),
    ],
)
def test_dns_operators(hosts, operator):
    assert dns_operator(hosts) == operator
