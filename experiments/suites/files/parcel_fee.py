"""What it costs to send a parcel from our counter."""

ZONES = {"city": 0, "country": 150, "abroad": 900}


class FeeError(ValueError):
    """A parcel that we do not take; `field` says which statement is wrong."""

    def __init__(self, message, field):
        super().__init__(message)
        self.field = field


def check_parcel(grams, zone):
    """True for what can be sent; everything else raises FeeError."""
    if isinstance(grams, bool) or not isinstance(grams, int):
        raise FeeError("weight must be whole grams", "grams")
    if grams < 1:
        raise FeeError("weight must be positive", "grams")
    if grams > 30_000:
        raise FeeError("heavier than 30 kg", "grams")
    if zone not in ZONES:
        raise FeeError(f"unknown zone: {zone}", "zone")
    return True


def fee(grams, zone, express=False):
    """Cents for one parcel: by weight, plus the zone's; express costs half as much again."""
    check_parcel(grams, zone)
    if grams <= 500:
        base = 320
    elif grams <= 5_000:
        base = 640
    else:
        base = 640 + 110 * -(-(grams - 5_000) // 1_000)
    cents = base + ZONES[zone]
    return cents + cents // 2 if express else cents


def total(parcels):
    """Cents for many parcels, (grams, zone) each; from ten on the cheapest is free."""
    if not parcels:
        raise FeeError("no parcels", "parcels")
    fees = [fee(grams, zone) for grams, zone in parcels]
    return sum(fees) - (min(fees) if len(fees) >= 10 else 0)
