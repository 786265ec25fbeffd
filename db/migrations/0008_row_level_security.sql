-- Who may read and write which row: the whole answer, on these screens.
--
-- The scope (ops.kind, ops.organisation, ops.owner_listing) says for whom a transaction works. Three relations decide:
--   vault.holds(listing)     an intermediary, on its own listing
--   vault.is_owner(listing)  the owner, through a single-use link for this listing
--   vault.party(deal)        'seller', 'buyer' or 'owner' of this deal
-- and for the contents of the vault a buyer needs vault.live_grant(listing, level).

CREATE FUNCTION vault.holds(listing uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT ops.kind() = 'intermediary'
       AND EXISTS (SELECT FROM vault.listing l WHERE l.id = listing AND l.intermediary_id = ops.organisation())
$$;
CREATE FUNCTION vault.is_owner(listing uuid) RETURNS boolean LANGUAGE sql STABLE
    RETURN ops.kind() = 'owner' AND ops.owner_listing() = listing;
CREATE FUNCTION vault.party(deal uuid) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT CASE
        WHEN ops.kind() = 'intermediary' AND d.intermediary_id = ops.organisation() THEN 'seller'
        WHEN ops.kind() = 'acquirer' AND d.buyer_id = ops.organisation() THEN 'buyer'
        WHEN ops.kind() = 'intermediary' AND d.representative_id = ops.organisation()
            AND vault.represents(d.representative_id, d.buyer_id) THEN 'representative'  -- while it is in force, and no longer
        WHEN ops.kind() = 'owner' AND d.listing_id = ops.owner_listing() THEN 'owner' END
    FROM vault.deal d WHERE d.id = deal
$$;
-- Whom this transaction has a reason to know by name.
CREATE FUNCTION vault.knows(other uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT CASE ops.kind()
        WHEN 'operator' THEN true
        WHEN 'owner' THEN EXISTS (SELECT FROM vault.deal d WHERE d.listing_id = ops.owner_listing() AND d.buyer_id = other)
            OR EXISTS (SELECT FROM vault.listing l WHERE l.id = ops.owner_listing() AND l.intermediary_id = other)  -- who is asking
        WHEN 'agency' THEN EXISTS (SELECT FROM vault.brief b WHERE b.agency_id = ops.organisation() AND b.acquirer_id = other)
        WHEN 'intermediary' THEN
            EXISTS (SELECT FROM vault.deal d WHERE ops.organisation() IN (d.intermediary_id, d.representative_id) AND d.buyer_id = other)
            OR EXISTS (SELECT FROM vault.introduction i WHERE i.intermediary_id = ops.organisation() AND i.acquirer_id = other)
            OR EXISTS (SELECT FROM vault.representation r WHERE r.intermediary_id = ops.organisation() AND r.acquirer_id = other
                       AND r.confirmed_at IS NOT NULL)  -- recording one's own claim to act for somebody tells nothing of them
        ELSE false END
        OR EXISTS (SELECT FROM vault.organisation o WHERE o.id = other AND o.status = 'verified'
                   AND o.kind IN ('intermediary', 'agency') AND ops.kind() IN ('intermediary', 'acquirer', 'agency'))
$$;
-- A one-person firm cannot confirm its own paper: then, and only then, an operator's reviewer does.
CREATE FUNCTION vault.needs_reviewer(listing uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT ops.kind() = 'operator' AND 1 = (
        SELECT count(*) FROM vault.listing l JOIN vault.member m ON m.organisation_id = l.intermediary_id AND m.status = 'active'
        WHERE l.id = listing)
$$;
CREATE FUNCTION vault.owner_link_for(hash bytea)
    RETURNS TABLE (link_id uuid, listing_id uuid, purpose text, subject_id uuid, owner_name text, locale text, used boolean, expired boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT k.id, k.listing_id, k.purpose, k.subject_id, c.name, c.locale, k.used_at IS NOT NULL, k.expires_at <= now()
    FROM vault.owner_link k JOIN vault.owner_contact c ON c.id = k.owner_contact_id WHERE k.token_hash = hash
$$;
-- How far a deal has come, computed from disclosure facts; the only thing a buyer learns of screening and name clear.
CREATE FUNCTION vault.projected_stage(deal uuid) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT coalesce(d.stage,
        CASE WHEN EXISTS (SELECT FROM vault.disclosure_grant g WHERE g.deal_id = d.id) THEN 'im_disclosed'
             WHEN EXISTS (SELECT FROM vault.name_clear c WHERE c.deal_id = d.id AND c.decision = 'yes') THEN 'name_cleared'
             WHEN EXISTS (SELECT FROM vault.nda n WHERE n.deal_id = d.id AND n.signed_at IS NOT NULL) THEN 'nda_signed'
             ELSE 'interested' END)
    FROM vault.deal d WHERE d.id = deal AND vault.party(deal) IS NOT NULL
$$;
-- Is somebody else talking exclusively about this listing today?
CREATE FUNCTION vault.parked(deal uuid) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT EXISTS (SELECT FROM vault.deal d JOIN vault.exclusivity x ON x.listing_id = d.listing_id AND x.deal_id <> d.id
                   WHERE d.id = deal AND x.ended_on IS NULL AND ops.today() BETWEEN x.from_date AND x.until_date)
$$;
-- The organisation's standing is the operator's word alone.
CREATE FUNCTION vault.status_by_operator() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- An organisation may fall back to pending by changing what was verified; it never lifts its own suspension.
    IF new.status IS DISTINCT FROM old.status AND (new.status <> 'pending' OR old.status = 'suspended')
       AND ops.kind() IS DISTINCT FROM 'operator' THEN
        RAISE EXCEPTION 'only the operator verifies' USING ERRCODE = 'SU002', CONSTRAINT = 'status_by_operator';
    END IF;
    IF new.kind IS DISTINCT FROM old.kind THEN
        RAISE EXCEPTION 'an organisation keeps its kind' USING ERRCODE = 'SU001';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER status_by_operator BEFORE UPDATE ON vault.organisation FOR EACH ROW EXECUTE FUNCTION vault.status_by_operator();

DO $$
DECLARE
    found record;
BEGIN
    FOR found IN SELECT schemaname, tablename FROM pg_tables WHERE schemaname IN ('vault', 'market') LOOP
        EXECUTE format('ALTER TABLE %I.%I ENABLE ROW LEVEL SECURITY', found.schemaname, found.tablename);
        EXECUTE format('ALTER TABLE %I.%I FORCE ROW LEVEL SECURITY', found.schemaname, found.tablename);
    END LOOP;
    FOR found IN  -- functions that look past row-level security belong to a role nobody can log in as
        SELECT p.oid::regprocedure AS signature FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
        WHERE n.nspname IN ('vault', 'market') AND p.prosecdef
    LOOP
        EXECUTE format('ALTER FUNCTION %s OWNER TO succession_definer', found.signature);
    END LOOP;
END $$;

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA vault, market, ops TO succession_definer, succession_seeder;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA vault, market, ops TO succession_seeder, succession_app, succession_worker;
REVOKE UPDATE, DELETE ON vault.ledger_entry, vault.access, vault.deal_event, vault.verification, vault.audit_event
    FROM succession_definer, succession_seeder;
REVOKE UPDATE, DELETE ON vault.nda_schedule FROM succession_definer, succession_seeder;
REVOKE UPDATE ON vault.ledger_subject FROM succession_definer, succession_seeder;
REVOKE DELETE ON vault.ledger_head, vault.ledger_subject FROM succession_definer;
REVOKE INSERT, UPDATE, DELETE ON vault.ledger_head FROM succession_seeder;  -- the chain keeps it

GRANT EXECUTE ON FUNCTION vault.holds(uuid), vault.is_owner(uuid), vault.party(uuid), vault.knows(uuid), vault.needs_reviewer(uuid),
    vault.live_grant(uuid, text), vault.grant_holds(uuid), vault.causes_hold(uuid), vault.screened(uuid), vault.disclosure_facts(uuid),
    vault.owner_link_for(bytea), vault.projected_stage(uuid), vault.parked(uuid),
    vault.member_for_sign_in(text), vault.member_for_token(bytea), vault.actor_for_member(uuid), vault.member_for_api_key(bytea),
    vault.intermediary_behind(uuid, uuid), vault.listing_behind(uuid, uuid), vault.represents(uuid, uuid) TO succession_app;
GRANT EXECUTE ON FUNCTION market.excluded_teasers(uuid), market.bits_of(int[]) TO market_buyer, market_desk, market_domestic;
GRANT EXECUTE ON FUNCTION market.opened_teaser(uuid, uuid) TO market_buyer;

-- ---------------------------------------------------------------- what the API may touch at all
GRANT SELECT, INSERT, UPDATE ON vault.organisation, vault.member, vault.member_token, vault.api_key TO succession_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON vault.beneficial_owner TO succession_app;
GRANT SELECT, INSERT ON vault.verification, vault.audit_event TO succession_app;
GRANT SELECT, INSERT, UPDATE ON vault.listing, vault.succession_status, vault.listing_identity, vault.listing_contact,
    vault.listing_profile, vault.owner_contact, vault.mandate, vault.teaser_proposal, vault.publication, vault.listing_import,
    vault.listing_import_row, vault.document TO succession_app;
-- What the owner allowed, by whom it was confirmed and which links were used is written once.
GRANT SELECT, INSERT ON vault.owner_link, vault.paper_evidence, vault.audience_consent TO succession_app;
GRANT UPDATE (used_at) ON vault.owner_link TO succession_app;
GRANT UPDATE (confirmed_by, confirmed_at) ON vault.paper_evidence TO succession_app;
GRANT UPDATE (withdrawn_at) ON vault.audience_consent TO succession_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON vault.listing_financials TO succession_app;
GRANT SELECT, INSERT, DELETE ON vault.exclusion TO succession_app;
GRANT SELECT, INSERT ON vault.preview, vault.document_content TO succession_app;
GRANT SELECT, DELETE ON market.teaser TO succession_app;
GRANT SELECT ON market.codebook, market.cell TO succession_app;
GRANT SELECT, INSERT, UPDATE ON vault.deal, vault.nda, vault.name_clear, vault.disclosure_grant, vault.exclusivity,
    vault.foreign_investment_filing, vault.obligation, vault.screening_list_entry TO succession_app;
-- Who asked for what, and who was introduced to whom, is written once; what may change is named.
GRANT SELECT, INSERT ON vault.brief, vault.introduction, vault.representation TO succession_app;
GRANT UPDATE (state, version) ON vault.brief TO succession_app;
GRANT UPDATE (state, decline_reason, decided_by, decided_at) ON vault.introduction TO succession_app;
GRANT UPDATE (confirmed_by, confirmed_at, ended_at) ON vault.representation TO succession_app;
GRANT SELECT, INSERT ON vault.screening, vault.ledger_entry, vault.ledger_subject, vault.access, vault.deal_event, vault.nda_schedule
    TO succession_app;

-- ---------------------------------------------------------------- accounts
CREATE POLICY see ON vault.organisation FOR SELECT TO succession_app USING (id = ops.organisation() OR vault.knows(id));
CREATE POLICY register ON vault.organisation FOR INSERT TO succession_app
    WITH CHECK (ops.kind() = 'anonymous' AND id = ops.organisation() AND status = 'pending' AND kind <> 'operator');
CREATE POLICY edit ON vault.organisation FOR UPDATE TO succession_app
    USING (id = ops.organisation() OR ops.kind() = 'operator') WITH CHECK (id = ops.organisation() OR ops.kind() = 'operator');
CREATE POLICY see ON vault.beneficial_owner FOR SELECT TO succession_app
    USING (organisation_id = ops.organisation() OR ops.kind() = 'operator' OR (  -- natural persons: who screens or consents
        ops.kind() IN ('intermediary', 'owner') AND vault.knows(organisation_id)
        AND EXISTS (SELECT FROM vault.organisation o WHERE o.id = organisation_id AND o.kind = 'acquirer')));
CREATE POLICY own ON vault.beneficial_owner TO succession_app
    USING (organisation_id = ops.organisation()) WITH CHECK (organisation_id = ops.organisation());
CREATE POLICY own ON vault.member TO succession_app
    USING (organisation_id = ops.organisation()) WITH CHECK (organisation_id = ops.organisation());
CREATE POLICY operator ON vault.member FOR SELECT TO succession_app USING (ops.kind() = 'operator');
CREATE POLICY own ON vault.member_token TO succession_app
    USING (organisation_id = ops.organisation()) WITH CHECK (organisation_id = ops.organisation());
CREATE POLICY own ON vault.api_key TO succession_app
    USING (organisation_id = ops.organisation()) WITH CHECK (organisation_id = ops.organisation());
CREATE POLICY see ON vault.verification FOR SELECT TO succession_app USING (organisation_id = ops.organisation() OR ops.kind() = 'operator');
CREATE POLICY decide ON vault.verification FOR INSERT TO succession_app WITH CHECK (ops.kind() = 'operator' AND decided_by = ops.member());
CREATE POLICY record ON vault.audit_event FOR INSERT TO succession_app
    WITH CHECK (organisation_id IS NOT DISTINCT FROM ops.organisation() AND member_id IS NOT DISTINCT FROM ops.member());
CREATE POLICY see ON vault.audit_event FOR SELECT TO succession_app USING (organisation_id = ops.organisation() OR ops.kind() = 'operator');

-- ---------------------------------------------------------------- listings
CREATE POLICY hold ON vault.listing TO succession_app
    USING (ops.kind() = 'intermediary' AND intermediary_id = ops.organisation())
    WITH CHECK (ops.kind() = 'intermediary' AND intermediary_id = ops.organisation());
CREATE POLICY owner ON vault.listing FOR SELECT TO succession_app USING (vault.is_owner(id));
CREATE POLICY owner_edit ON vault.listing FOR UPDATE TO succession_app USING (vault.is_owner(id)) WITH CHECK (vault.is_owner(id));

DO $$
DECLARE
    child text;
BEGIN
    FOREACH child IN ARRAY ARRAY['succession_status', 'listing_identity', 'listing_contact', 'listing_profile', 'listing_financials',
        'exclusion', 'owner_contact', 'mandate', 'owner_link', 'teaser_proposal',
        'publication', 'preview', 'document', 'document_content']
    LOOP  -- the intermediary, on its own listings
        EXECUTE format('CREATE POLICY hold ON vault.%I TO succession_app USING (vault.holds(listing_id)) WITH CHECK (vault.holds(listing_id))', child);
    END LOOP;
    FOREACH child IN ARRAY ARRAY['listing_identity', 'exclusion', 'mandate', 'owner_contact', 'teaser_proposal', 'audience_consent',
        'publication', 'owner_link']
    LOOP  -- the owner, on what is being decided
        EXECUTE format('CREATE POLICY owner ON vault.%I FOR SELECT TO succession_app USING (vault.is_owner(listing_id))', child);
    END LOOP;
    FOREACH child IN ARRAY ARRAY['teaser_proposal', 'audience_consent', 'publication', 'owner_link'] LOOP
        EXECUTE format('CREATE POLICY owner_edit ON vault.%I FOR UPDATE TO succession_app USING (vault.is_owner(listing_id)) WITH CHECK (vault.is_owner(listing_id))', child);
    END LOOP;
    FOREACH child IN ARRAY ARRAY['succession_status', 'listing_identity', 'listing_contact', 'listing_profile', 'listing_financials'] LOOP
        -- the buyer, with a live grant for the dossier
        EXECUTE format('CREATE POLICY granted ON vault.%I FOR SELECT TO succession_app USING (vault.live_grant(listing_id, ''dossier''))', child);
    END LOOP;
    FOREACH child IN ARRAY ARRAY['document', 'document_content'] LOOP
        EXECUTE format('CREATE POLICY granted ON vault.%I FOR SELECT TO succession_app USING (vault.live_grant(listing_id, level))', child);
    END LOOP;
    CREATE POLICY kept ON vault.document AS RESTRICTIVE FOR SELECT TO succession_app
        USING (removed_at IS NULL OR vault.holds(listing_id));
    CREATE POLICY kept ON vault.document_content AS RESTRICTIVE FOR SELECT TO succession_app
        USING (EXISTS (SELECT FROM vault.document d WHERE d.id = document_id));
END $$;
CREATE POLICY owner_renew ON vault.owner_link FOR INSERT TO succession_app WITH CHECK (vault.is_owner(listing_id));
-- A consent is given in the owner's scope only, whether by link or by a confirmed paper; the intermediary reads and ends it.
CREATE POLICY hold ON vault.audience_consent FOR SELECT TO succession_app USING (vault.holds(listing_id));
CREATE POLICY hold_withdraw ON vault.audience_consent FOR UPDATE TO succession_app
    USING (vault.holds(listing_id)) WITH CHECK (vault.holds(listing_id));
CREATE POLICY hold ON vault.paper_evidence FOR SELECT TO succession_app USING (vault.holds(listing_id));
CREATE POLICY hold_enter ON vault.paper_evidence FOR INSERT TO succession_app
    WITH CHECK (vault.holds(listing_id) AND entered_by = ops.member() AND confirmed_by IS NULL);
CREATE POLICY hold_confirm ON vault.paper_evidence FOR UPDATE TO succession_app
    USING (vault.holds(listing_id)) WITH CHECK (vault.holds(listing_id) AND confirmed_by = ops.member());
CREATE POLICY owner_grant ON vault.audience_consent FOR INSERT TO succession_app WITH CHECK (vault.is_owner(listing_id));
CREATE POLICY reviewer ON vault.paper_evidence FOR SELECT TO succession_app USING (vault.needs_reviewer(listing_id));
CREATE POLICY reviewer_edit ON vault.paper_evidence FOR UPDATE TO succession_app
    USING (vault.needs_reviewer(listing_id)) WITH CHECK (vault.needs_reviewer(listing_id) AND confirmed_by = ops.member());
CREATE POLICY own ON vault.listing_import TO succession_app
    USING (ops.kind() = 'intermediary' AND intermediary_id = ops.organisation())
    WITH CHECK (ops.kind() = 'intermediary' AND intermediary_id = ops.organisation());
CREATE POLICY own ON vault.listing_import_row TO succession_app
    USING (ops.kind() = 'intermediary' AND intermediary_id = ops.organisation())
    WITH CHECK (ops.kind() = 'intermediary' AND intermediary_id = ops.organisation());

-- ---------------------------------------------------------------- market: constant per role, no scope needed
CREATE POLICY audience ON market.teaser FOR SELECT TO market_public USING (audiences & 1 <> 0);
CREATE POLICY audience ON market.bitmap FOR SELECT TO market_public USING (reader = 1);
CREATE POLICY audience_buyer ON market.teaser FOR SELECT TO market_buyer USING (audiences & 3 <> 0);
CREATE POLICY audience_buyer ON market.bitmap FOR SELECT TO market_buyer USING (reader = 2);
CREATE POLICY audience_desk ON market.teaser FOR SELECT TO market_desk USING (audiences & 5 <> 0);
CREATE POLICY audience_desk ON market.bitmap FOR SELECT TO market_desk USING (reader = 4);
CREATE POLICY audience_domestic ON market.teaser FOR SELECT TO market_domestic USING (audiences & 9 <> 0);
CREATE POLICY audience_domestic ON market.bitmap FOR SELECT TO market_domestic USING (reader = 8);
CREATE POLICY codebook ON market.codebook FOR SELECT TO PUBLIC USING (true);
CREATE POLICY codebook ON market.cell FOR SELECT TO PUBLIC USING (true);
GRANT SELECT ON market.teaser, market.bitmap TO market_public, market_buyer, market_desk, market_domestic;
GRANT SELECT (version, population_version, k, demo, current) ON market.codebook TO market_public, market_buyer, market_desk, market_domestic;
GRANT SELECT (id, codebook_version, node, place, industry, founded, employees, revenue, margin, revenue_rank)
    ON market.cell TO market_public, market_buyer, market_desk, market_domestic;
-- Taking down is immediate, by whoever holds or owns the listing: publication's own policies decide which rows.
CREATE POLICY own_see ON market.teaser FOR SELECT TO succession_app USING (EXISTS (SELECT FROM vault.publication p WHERE p.ref = teaser.ref));
CREATE POLICY own_take_down ON market.teaser FOR DELETE TO succession_app USING (EXISTS (SELECT FROM vault.publication p WHERE p.ref = teaser.ref));

-- ---------------------------------------------------------------- disclosure
CREATE POLICY seller ON vault.deal TO succession_app
    USING (ops.kind() = 'intermediary' AND intermediary_id = ops.organisation())
    WITH CHECK (ops.kind() = 'intermediary' AND intermediary_id = ops.organisation());
CREATE POLICY buyer ON vault.deal TO succession_app
    USING (ops.kind() = 'acquirer' AND buyer_id = ops.organisation())
    WITH CHECK (ops.kind() = 'acquirer' AND buyer_id = ops.organisation());
CREATE POLICY representative ON vault.deal TO succession_app
    USING (ops.kind() = 'intermediary' AND representative_id = ops.organisation() AND vault.represents(representative_id, buyer_id))
    WITH CHECK (ops.kind() = 'intermediary' AND representative_id = ops.organisation() AND vault.represents(representative_id, buyer_id));
CREATE POLICY owner ON vault.deal FOR SELECT TO succession_app USING (vault.is_owner(listing_id));
CREATE POLICY owner_edit ON vault.deal FOR UPDATE TO succession_app USING (vault.is_owner(listing_id)) WITH CHECK (vault.is_owner(listing_id));

CREATE POLICY seller ON vault.screening TO succession_app USING (vault.party(deal_id) = 'seller')
    WITH CHECK (vault.party(deal_id) = 'seller' AND decided_by = ops.member());
CREATE POLICY owner ON vault.screening FOR SELECT TO succession_app USING (vault.is_owner(listing_id));
CREATE POLICY seller ON vault.nda TO succession_app USING (vault.party(deal_id) = 'seller') WITH CHECK (vault.party(deal_id) = 'seller');
CREATE POLICY buyer ON vault.nda FOR SELECT TO succession_app USING (vault.party(deal_id) IN ('buyer', 'representative', 'owner'));
CREATE POLICY buyer_sign ON vault.nda FOR UPDATE TO succession_app USING (vault.party(deal_id) = 'buyer')
    WITH CHECK (vault.party(deal_id) = 'buyer' AND signer_member_id = ops.member());
CREATE POLICY seller ON vault.name_clear TO succession_app USING (vault.party(deal_id) = 'seller') WITH CHECK (vault.party(deal_id) = 'seller');
CREATE POLICY owner ON vault.name_clear FOR SELECT TO succession_app USING (vault.is_owner(listing_id));
CREATE POLICY owner_edit ON vault.name_clear FOR UPDATE TO succession_app USING (vault.is_owner(listing_id)) WITH CHECK (vault.is_owner(listing_id));
CREATE POLICY seller ON vault.disclosure_grant TO succession_app USING (vault.party(deal_id) = 'seller')
    WITH CHECK (vault.party(deal_id) = 'seller');
CREATE POLICY buyer ON vault.disclosure_grant FOR SELECT TO succession_app  -- who ended a grant, and why, is not the buyer's to read
    USING ((vault.party(deal_id) IN ('buyer', 'representative') AND revoked_at IS NULL) OR vault.is_owner(listing_id));
CREATE POLICY owner_edit ON vault.disclosure_grant FOR UPDATE TO succession_app USING (vault.is_owner(listing_id)) WITH CHECK (vault.is_owner(listing_id));

-- The buyer reads its own steps and what binds it: never the screening, the owner's answer, or who ended what.
CREATE POLICY see ON vault.ledger_entry FOR SELECT TO succession_app
    USING (vault.holds(listing_id) OR vault.is_owner(listing_id) OR ops.kind() = 'operator' OR (
           kind IN ('request_opened', 'nda_offered', 'nda_signed', 'nda_ended', 'released', 'nda_schedule')
           AND vault.party(deal_id) IN ('buyer', 'representative')));
CREATE POLICY append ON vault.ledger_entry FOR INSERT TO succession_app
    WITH CHECK (vault.holds(listing_id) OR (vault.is_owner(listing_id) AND kind <> 'released') OR (
           kind NOT IN ('screening_decided', 'nda_offered', 'nda_ended', 'name_clear_asked', 'name_clear_decided',
                        'name_clear_revoked', 'released', 'revoked', 'nda_schedule')
           AND vault.party(deal_id) IN ('buyer', 'representative')));
CREATE POLICY seller ON vault.nda_schedule TO succession_app USING (vault.party(deal_id) = 'seller') WITH CHECK (vault.party(deal_id) = 'seller');
CREATE POLICY granted ON vault.nda_schedule FOR SELECT TO succession_app USING (vault.live_grant(listing_id, 'dossier'));
CREATE POLICY owner ON vault.nda_schedule FOR SELECT TO succession_app USING (vault.is_owner(listing_id));
CREATE POLICY see ON vault.ledger_subject FOR SELECT TO succession_app USING (vault.holds(listing_id) OR vault.is_owner(listing_id));
CREATE POLICY append ON vault.ledger_subject FOR INSERT TO succession_app
    WITH CHECK (vault.holds(listing_id) OR vault.is_owner(listing_id)
                OR EXISTS (SELECT FROM vault.deal d WHERE d.listing_id = ledger_subject.listing_id));
CREATE POLICY see ON vault.access FOR SELECT TO succession_app
    USING (organisation_id = ops.organisation() OR vault.holds(listing_id) OR vault.is_owner(listing_id));
CREATE POLICY append ON vault.access FOR INSERT TO succession_app
    WITH CHECK (organisation_id = ops.organisation() AND member_id = ops.member()
                AND EXISTS (SELECT FROM vault.disclosure_grant g WHERE g.id = grant_id AND g.listing_id = access.listing_id
                            AND vault.live_grant(g.listing_id, g.level)));
CREATE POLICY operator ON vault.screening_list_entry TO succession_app
    USING (ops.kind() = 'operator') WITH CHECK (ops.kind() = 'operator');
CREATE POLICY consult ON vault.screening_list_entry FOR SELECT TO succession_app USING (ops.kind() = 'intermediary');

-- ---------------------------------------------------------------- deals and desk
CREATE POLICY party ON vault.deal_event FOR SELECT TO succession_app  -- a refusal tells the buyer nothing of who refused, or why
    USING (vault.party(deal_id) IN ('seller', 'owner') OR (
           vault.party(deal_id) IN ('buyer', 'representative') AND action NOT IN ('refuse_screening', 'refuse_name_clear')));
CREATE POLICY party_add ON vault.deal_event FOR INSERT TO succession_app WITH CHECK (vault.party(deal_id) IS NOT NULL AND actor_kind = ops.kind());
CREATE POLICY seller ON vault.exclusivity TO succession_app USING (vault.party(deal_id) = 'seller') WITH CHECK (vault.party(deal_id) = 'seller');
CREATE POLICY buyer ON vault.exclusivity FOR SELECT TO succession_app USING (vault.party(deal_id) = 'buyer');
CREATE POLICY party ON vault.foreign_investment_filing TO succession_app
    USING (vault.party(deal_id) IN ('seller', 'buyer')) WITH CHECK (vault.party(deal_id) IN ('seller', 'buyer'));
CREATE POLICY party ON vault.obligation TO succession_app
    USING (vault.party(deal_id) IN ('seller', 'buyer')) WITH CHECK (vault.party(deal_id) IN ('seller', 'buyer'));
CREATE POLICY acquirer ON vault.brief FOR SELECT TO succession_app USING (ops.kind() = 'acquirer' AND acquirer_id = ops.organisation());
CREATE POLICY acquirer_file ON vault.brief FOR INSERT TO succession_app
    WITH CHECK (ops.kind() = 'acquirer' AND acquirer_id = ops.organisation() AND created_by = ops.member() AND state = 'open');
CREATE POLICY acquirer_close ON vault.brief FOR UPDATE TO succession_app
    USING (ops.kind() = 'acquirer' AND acquirer_id = ops.organisation() AND state = 'open')
    WITH CHECK (ops.kind() = 'acquirer' AND acquirer_id = ops.organisation() AND state = 'closed');
CREATE POLICY desk ON vault.brief FOR SELECT TO succession_app USING (ops.kind() = 'agency' AND agency_id = ops.organisation());
CREATE POLICY introduced ON vault.brief FOR SELECT TO succession_app USING (ops.kind() = 'intermediary' AND EXISTS (
    SELECT FROM vault.introduction i WHERE i.brief_id = brief.id AND i.intermediary_id = ops.organisation()));
CREATE POLICY desk ON vault.introduction FOR SELECT TO succession_app USING (ops.kind() = 'agency' AND agency_id = ops.organisation());
CREATE POLICY desk_propose ON vault.introduction FOR INSERT TO succession_app
    WITH CHECK (ops.kind() = 'agency' AND agency_id = ops.organisation() AND proposed_by = ops.member() AND state = 'proposed');
CREATE POLICY intermediary ON vault.introduction FOR SELECT TO succession_app
    USING (ops.kind() = 'intermediary' AND intermediary_id = ops.organisation());
CREATE POLICY intermediary_decide ON vault.introduction FOR UPDATE TO succession_app  -- once
    USING (ops.kind() = 'intermediary' AND intermediary_id = ops.organisation() AND state = 'proposed')
    WITH CHECK (ops.kind() = 'intermediary' AND intermediary_id = ops.organisation() AND state <> 'proposed' AND decided_by = ops.member());
CREATE POLICY acquirer ON vault.introduction FOR SELECT TO succession_app  -- a decline tells the acquirer nothing
    USING (ops.kind() = 'acquirer' AND acquirer_id = ops.organisation() AND state = 'accepted');
CREATE POLICY party ON vault.representation FOR SELECT TO succession_app
    USING (ops.organisation() IN (intermediary_id, acquirer_id) AND ops.kind() IN ('intermediary', 'acquirer'));
CREATE POLICY intermediary_record ON vault.representation FOR INSERT TO succession_app
    WITH CHECK (ops.kind() = 'intermediary' AND intermediary_id = ops.organisation() AND recorded_by = ops.member()
                AND confirmed_at IS NULL AND ended_at IS NULL);
CREATE POLICY intermediary_end ON vault.representation FOR UPDATE TO succession_app
    USING (ops.kind() = 'intermediary' AND intermediary_id = ops.organisation() AND ended_at IS NULL)
    WITH CHECK (ops.kind() = 'intermediary' AND intermediary_id = ops.organisation() AND ended_at IS NOT NULL);
CREATE POLICY acquirer_answer ON vault.representation FOR UPDATE TO succession_app
    USING (ops.kind() = 'acquirer' AND acquirer_id = ops.organisation() AND ended_at IS NULL)
    WITH CHECK (ops.kind() = 'acquirer' AND acquirer_id = ops.organisation() AND (ended_at IS NOT NULL OR confirmed_by = ops.member()));

-- ---------------------------------------------------------------- the worker: batches, expiries, closed months; never identity
GRANT SELECT ON vault.listing, vault.succession_status, vault.listing_profile, vault.listing_financials, vault.mandate,
    vault.teaser_proposal, vault.audience_consent, vault.publication, vault.deal, vault.deal_event, vault.nda, vault.name_clear,
    vault.screening, vault.disclosure_grant, vault.exclusivity, vault.obligation, vault.introduction, vault.brief TO succession_worker;
GRANT SELECT (id, kind, intermediary_kind, agency_role, country, status, legal_name) ON vault.organisation TO succession_worker;
GRANT SELECT (id, organisation_id, email, name, role, locale, status) ON vault.member TO succession_worker;
GRANT UPDATE (state, state_reason, flags, version, updated_at) ON vault.listing TO succession_worker;
GRANT UPDATE (state, batch, published_at, taken_down_at, take_down_reason) ON vault.publication TO succession_worker;
GRANT UPDATE (withdrawn_at) ON vault.audience_consent TO succession_worker;
GRANT UPDATE (ended_on) ON vault.exclusivity TO succession_worker;
GRANT SELECT ON market.codebook, market.cell TO succession_worker;
GRANT SELECT, INSERT, DELETE ON market.teaser TO succession_worker;
DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['listing', 'succession_status', 'listing_profile', 'listing_financials', 'mandate', 'teaser_proposal',
        'audience_consent', 'publication', 'deal', 'deal_event', 'nda', 'name_clear', 'screening', 'disclosure_grant', 'exclusivity',
        'obligation', 'introduction', 'brief', 'organisation', 'member']
    LOOP
        EXECUTE format('CREATE POLICY worker ON vault.%I TO succession_worker USING (true) WITH CHECK (true)', name);
    END LOOP;
END $$;
CREATE POLICY worker_see ON market.teaser FOR SELECT TO succession_worker USING (true);
CREATE POLICY worker_take_down ON market.teaser FOR DELETE TO succession_worker USING (true);
-- The worker publishes what the owner approved, to whom the owner approved, and nothing else.
CREATE POLICY worker_publish ON market.teaser FOR INSERT TO succession_worker WITH CHECK (EXISTS (
    SELECT FROM vault.publication p JOIN vault.teaser_proposal q ON q.id = p.proposal_id AND q.decision = 'approved'
    WHERE p.ref = teaser.ref AND p.state = 'published' AND p.batch = teaser.batch AND p.cell_id = teaser.cell_id
      AND p.audiences = teaser.audiences AND p.vocabulary_version = teaser.vocabulary_version
      AND q.canonical ->> 'price' = teaser.price AND q.canonical ->> 'timing' = teaser.timing
      AND q.canonical -> 'schemes' = to_jsonb(teaser.schemes) AND q.canonical -> 'phrases' = to_jsonb(teaser.phrases)
      AND q.canonical ->> 'fiscal_year' = 'FY' || teaser.fiscal_year));
