-- Two tables in one place each: what a cause of a disclosure means, and who writes and reads which kind of ledger entry.

-- ---------------------------------------------------------------- causes
-- Each cause is one function, and readers ask the composition: what a cause means is changed in its own function alone.
CREATE FUNCTION vault.nda_in_force(wanted uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (SELECT FROM vault.nda n WHERE n.id = wanted AND n.signed_at IS NOT NULL AND n.ended_at IS NULL AND n.expires_at > now())
$$;

-- Is this member of the buyer bound by this NDA? Everybody of the firm is, so far.
CREATE FUNCTION vault.bound_by(wanted uuid, reader uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT true
$$;

CREATE FUNCTION vault.consent_stands(wanted uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (SELECT FROM vault.name_clear c WHERE c.id = wanted AND c.decision = 'yes' AND c.revoked_at IS NULL)
$$;

-- The four causes of a deal: buyer verified and screened, NDA in force, owner's consent for this buyer, nothing that blocks.
CREATE OR REPLACE FUNCTION vault.causes_hold(deal uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (
        SELECT FROM vault.deal d
        JOIN vault.organisation b ON b.id = d.buyer_id AND b.status = 'verified'
        JOIN vault.listing l ON l.id = d.listing_id AND l.state <> 'withdrawn'
        JOIN vault.nda n ON n.deal_id = d.id AND vault.nda_in_force(n.id)
        JOIN vault.name_clear c ON c.deal_id = d.id AND c.nda_id = n.id AND vault.consent_stands(c.id)
        WHERE d.id = deal AND d.terminal IS NULL AND vault.screened(d.id) IS NOT NULL
          AND NOT EXISTS (SELECT FROM vault.exclusion e JOIN vault.organisation_key k
                          ON k.kind = e.kind AND lower(k.value) = lower(e.value)
                          WHERE e.listing_id = d.listing_id AND k.organisation_id = d.buyer_id))
$$;

-- May this grant be read on now, by whom this transaction works for? Its own NDA and consent must hold: a later consent
-- never brings an older grant back.
CREATE OR REPLACE FUNCTION vault.grant_holds(wanted uuid) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (
        SELECT FROM vault.disclosure_grant g
        JOIN vault.ledger_entry e ON e.id = g.ledger_entry_id AND e.listing_id = g.listing_id AND e.kind = 'released'
        WHERE g.id = wanted AND g.revoked_at IS NULL AND g.expires_at > now()
          AND vault.nda_in_force(g.nda_id) AND vault.consent_stands(g.name_clear_id) AND vault.causes_hold(g.deal_id)
          AND CASE vault.party(g.deal_id)
                  WHEN 'buyer' THEN vault.bound_by(g.nda_id, ops.member())
                  WHEN 'representative' THEN vault.bound_by(g.nda_id, ops.member())
                  ELSE vault.party(g.deal_id) IS NOT NULL END)
$$;

-- ---------------------------------------------------------------- kinds of ledger entries
-- The same table as KINDS in disclosure/ledger.py; a test compares them.
CREATE TABLE ops.ledger_kind (
    kind text PRIMARY KEY,
    written_by text[] NOT NULL CHECK (written_by <@ '{seller,owner,buyer}'),  -- the parties whose act it records
    buyer_reads boolean NOT NULL               -- its own steps and what binds it; never who refused, or why
);
INSERT INTO ops.ledger_kind VALUES
    ('request_opened', '{seller,buyer}', true),
    ('screening_decided', '{seller}', false),
    ('nda_offered', '{seller}', true),
    ('nda_signed', '{buyer}', true),
    ('nda_ended', '{seller}', true),
    ('name_clear_asked', '{seller}', false),
    ('name_clear_decided', '{owner}', false),
    ('name_clear_revoked', '{owner}', false),
    ('released', '{seller}', true),
    ('nda_schedule', '{seller}', true),
    ('revoked', '{seller,owner}', false),
    ('withdrawn', '{seller,owner,buyer}', false),
    ('concluded', '{seller,owner,buyer}', false),
    ('stage', '{seller,owner,buyer}', false);
GRANT SELECT ON ops.ledger_kind TO succession_app, succession_seeder, succession_definer;

DROP POLICY see ON vault.ledger_entry;
DROP POLICY append ON vault.ledger_entry;
CREATE POLICY see ON vault.ledger_entry FOR SELECT TO succession_app
    USING (vault.holds(listing_id) OR vault.is_owner(listing_id) OR ops.kind() = 'operator' OR (
           vault.party(deal_id) IN ('buyer', 'representative')
           AND EXISTS (SELECT FROM ops.ledger_kind k WHERE k.kind = ledger_entry.kind AND k.buyer_reads)));
CREATE POLICY append ON vault.ledger_entry FOR INSERT TO succession_app
    WITH CHECK (EXISTS (SELECT FROM ops.ledger_kind k WHERE k.kind = ledger_entry.kind AND (
           ('seller' = ANY (k.written_by) AND vault.holds(listing_id))
        OR ('owner' = ANY (k.written_by) AND vault.is_owner(listing_id))
        OR ('buyer' = ANY (k.written_by) AND vault.party(deal_id) IN ('buyer', 'representative')))));

ALTER FUNCTION vault.nda_in_force(uuid) OWNER TO succession_definer;
ALTER FUNCTION vault.bound_by(uuid, uuid) OWNER TO succession_definer;
ALTER FUNCTION vault.consent_stands(uuid) OWNER TO succession_definer;
GRANT EXECUTE ON FUNCTION vault.nda_in_force(uuid), vault.bound_by(uuid, uuid), vault.consent_stands(uuid) TO succession_app;
