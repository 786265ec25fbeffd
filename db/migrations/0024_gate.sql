-- What the model of tests/gate found open in SQL, closed.

-- A buyer with a live grant read the schedules of every other buyer of the company, and in them who else is asking.
ALTER POLICY granted ON vault.nda_schedule
    USING (vault.party(deal_id) IN ('buyer', 'representative') AND vault.live_grant(listing_id, 'dossier'));

-- The worker never reads identity: of these tables not the columns either that hold names and words. What it needs is codes,
-- figures, times and ids; columns of later tables and migrations are granted there by name.
DO $$
DECLARE
    withheld record;
    columns text;
BEGIN
    FOR withheld IN SELECT * FROM (VALUES
        ('listing', '{internal_reference}'::text[]),
        ('succession_status', '{declared_by,checkup_reference}'),
        ('mandate', '{terms}'),
        ('teaser_proposal', '{rendering_ja,decided_by,evidence}'),
        ('deal', '{purpose}'),
        ('nda', '{text_ja,text_en,signer_name,signer_title,address,agent}'),
        ('name_clear', '{shown,shown_text_ja,decided_by,evidence}'),
        ('screening', '{candidates,words_for_owner,words_for_owner_en}'),
        ('brief', '{purpose,note}'),
        ('introduction', '{note}'),
        ('obligation', '{evidence,confirmed_by}')) AS t(name, words)
    LOOP
        SELECT string_agg(quote_ident(a.attname), ', ') INTO columns FROM pg_attribute a
        WHERE a.attrelid = format('vault.%I', withheld.name)::regclass AND a.attnum > 0 AND NOT a.attisdropped
          AND a.attname <> ALL (withheld.words);
        EXECUTE format('REVOKE SELECT ON vault.%I FROM succession_worker', withheld.name);
        EXECUTE format('GRANT SELECT (%s) ON vault.%I TO succession_worker', columns, withheld.name);
    END LOOP;
END $$;
-- Here the words outnumber the figures, and grow.
REVOKE SELECT ON vault.listing_profile FROM succession_worker;
GRANT SELECT (listing_id, jsic_code, prefecture, founded_on, founded_year, employees, capital_yen, schemes, timing, asking_price_yen)
    ON vault.listing_profile TO succession_worker;

-- Policies let rows through, not columns: a buyer's transaction read the fields that levels.py withholds at every level. What
-- a live grant opens is a view of the fields it shows; the tables themselves are the intermediary's and the owner's.
-- Whoever adds a field that is shown replaces the view; a test compares it with levels.py.
DO $$
DECLARE
    block record;
    columns text;
BEGIN
    FOR block IN SELECT * FROM (VALUES
        ('listing_identity', '{intermediary_id,name_en_declared_none,name_romaji_confirmed,internal_key}'::text[]),
        ('listing_contact', '{family,email_domains}'),
        ('listing_profile', '{facts}'),
        ('listing_financials', '{}'),
        ('succession_status', '{declared_by,checkup_reference,channel}')) AS t(name, withheld)
    LOOP
        SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) INTO columns FROM pg_attribute a
        WHERE a.attrelid = format('vault.%I', block.name)::regclass AND a.attnum > 0 AND NOT a.attisdropped
          AND a.attname <> ALL (block.withheld);
        EXECUTE format('DROP POLICY granted ON vault.%I', block.name);
        EXECUTE format('CREATE VIEW vault.%I WITH (security_barrier = true) AS SELECT %s FROM vault.%I '
                       'WHERE vault.holds(listing_id) OR vault.live_grant(listing_id, ''dossier'')',
                       'shown_' || block.name, columns, block.name);
        EXECUTE format('ALTER VIEW vault.%I OWNER TO succession_definer', 'shown_' || block.name);
        EXECUTE format('GRANT SELECT ON vault.%I TO succession_app', 'shown_' || block.name);
    END LOOP;
END $$;
-- The family that is known with a company: how many, and by name whoever agreed to be named to the buyer of this deal.
CREATE FUNCTION vault.third_persons(listing uuid, deal uuid) RETURNS TABLE (role text, name text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT 'family', CASE WHEN vault.third_person_open(deal, f.person ->> 'name') THEN f.person ->> 'name' END
    FROM vault.listing_contact k
    CROSS JOIN LATERAL jsonb_array_elements(CASE jsonb_typeof(k.family) WHEN 'array' THEN k.family ELSE '[]' END) AS f(person)
    WHERE k.listing_id = listing AND vault.party(deal) IS NOT NULL AND (vault.holds(listing) OR vault.live_grant(listing, 'dossier'))
$$;
ALTER FUNCTION vault.third_persons(uuid, uuid) OWNER TO succession_definer;
REVOKE ALL ON FUNCTION vault.third_persons(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION vault.third_persons(uuid, uuid) TO succession_app;
