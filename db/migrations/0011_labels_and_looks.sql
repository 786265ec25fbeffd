-- A teaser may say less than its cell, and a preview is answered only for a company whose mandate two persons have seen.

-- ---------------------------------------------------------------- coarser labels
-- Which code a code is a part of: codes/, said once more for the database. tests/db/test_labels.py compares the two.
CREATE TABLE market.code_parent (
    attribute text NOT NULL,
    code text NOT NULL,
    parent text NOT NULL,
    PRIMARY KEY (attribute, code)
);
INSERT INTO market.code_parent (attribute, parent, code)
SELECT attribute, parent, unnest(string_to_array(codes, ' ')) FROM (VALUES
    ('place', 'hokkaido', 'JP-01'),
    ('place', 'tohoku', 'JP-02 JP-03 JP-04 JP-05 JP-06 JP-07'),
    ('place', 'kanto', 'JP-08 JP-09 JP-10 JP-11 JP-12 JP-13 JP-14'),
    ('place', 'chubu', 'JP-15 JP-16 JP-17 JP-18 JP-19 JP-20 JP-21 JP-22 JP-23'),
    ('place', 'kansai', 'JP-24 JP-25 JP-26 JP-27 JP-28 JP-29 JP-30'),
    ('place', 'chugoku', 'JP-31 JP-32 JP-33 JP-34 JP-35'),
    ('place', 'shikoku', 'JP-36 JP-37 JP-38 JP-39'),
    ('place', 'kyushu_okinawa', 'JP-40 JP-41 JP-42 JP-43 JP-44 JP-45 JP-46 JP-47'),
    ('place', 'east', 'hokkaido tohoku kanto chubu'),
    ('place', 'west', 'kansai chugoku shikoku kyushu_okinawa'),
    ('place', 'any', 'east west'),
    ('industry', 'A', '01 02'),
    ('industry', 'B', '03 04'),
    ('industry', 'C', '05'),
    ('industry', 'D', '06 07 08'),
    ('industry', 'E', '09 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32'),
    ('industry', 'F', '33 34 35 36'),
    ('industry', 'G', '37 38 39 40 41'),
    ('industry', 'H', '42 43 44 45 46 47 48 49'),
    ('industry', 'I', '50 51 52 53 54 55 56 57 58 59 60 61'),
    ('industry', 'J', '62 63 64 65 66 67'),
    ('industry', 'K', '68 69 70'),
    ('industry', 'L', '71 72 73 74'),
    ('industry', 'M', '75 76 77'),
    ('industry', 'N', '78 79 80'),
    ('industry', 'O', '81 82'),
    ('industry', 'P', '83 84 85'),
    ('industry', 'Q', '86 87'),
    ('industry', 'R', '88 89 90 91 92 93 94 95 96'),
    ('industry', 'S', '97 98'),
    ('industry', 'T', '99'),
    ('industry', 'primary', 'A B C'),
    ('industry', 'construction', 'D'),
    ('industry', 'manufacturing', 'E'),
    ('industry', 'infrastructure', 'F'),
    ('industry', 'information', 'G'),
    ('industry', 'transport', 'H'),
    ('industry', 'commerce', 'I'),
    ('industry', 'services', 'J K L N O P Q R S T'),
    ('industry', 'hospitality', 'M'),
    ('industry', 'any', 'primary construction manufacturing infrastructure information transport commerce hospitality services'),
    ('founded', 'before_1990', 'before_1970 1970_1989'),
    ('founded', 'since_1990', 'from_1990'),
    ('founded', 'any', 'before_1990 since_1990'),
    ('employees', 'under_50', '1_19 20_49'),
    ('employees', '50_plus', '50_99 100_plus'),
    ('employees', 'any', 'under_50 50_plus'),
    ('revenue', 'under_1000', 'under_200 200_1000'),
    ('revenue', 'over_1000', '1000_5000 5000_plus'),
    ('revenue', 'any', 'under_1000 over_1000'),
    ('margin', 'any', 'loss 0_5 5_plus')
) AS listed(attribute, parent, codes);
ALTER TABLE market.code_parent ENABLE ROW LEVEL SECURITY;
ALTER TABLE market.code_parent FORCE ROW LEVEL SECURITY;
CREATE POLICY codes ON market.code_parent FOR SELECT TO succession_app, succession_seeder USING (true);
GRANT SELECT ON market.code_parent TO succession_app, succession_seeder;

CREATE FUNCTION market.lies_inside(attribute text, code text, wider text) RETURNS boolean LANGUAGE sql STABLE
BEGIN ATOMIC
    WITH RECURSIVE above AS (
        SELECT code AS code
        UNION ALL SELECT p.parent FROM above a JOIN market.code_parent p ON p.attribute = lies_inside.attribute AND p.code = a.code
    ) SELECT EXISTS (SELECT FROM above a WHERE a.code = wider);
END;
GRANT EXECUTE ON FUNCTION market.lies_inside(text, text, text) TO succession_app, succession_seeder;

-- A label is a row beside the cells: the codes a teaser shows, `parent` the cell it stands for, `size` that cell's, because
-- somebody who guesses what the companies of each cell choose is left with these. The cells themselves have no parent.
ALTER TABLE market.cell ALTER COLUMN number DROP NOT NULL, ALTER COLUMN node DROP NOT NULL;
ALTER TABLE market.cell DROP CONSTRAINT cell_key;
ALTER TABLE market.cell
    ADD CONSTRAINT cell_key UNIQUE NULLS NOT DISTINCT (codebook_version, place, industry, founded, employees, revenue, margin, parent),
    ADD CONSTRAINT label_of_cell FOREIGN KEY (codebook_version, parent) REFERENCES market.cell (codebook_version, number),
    ADD CONSTRAINT cell_or_label CHECK ((parent IS NULL) = (number IS NOT NULL) AND (parent IS NULL) = (node IS NOT NULL));

CREATE FUNCTION market.label_coarser() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    c market.cell;
BEGIN
    SELECT * INTO c FROM market.cell WHERE codebook_version = new.codebook_version AND number = new.parent;
    IF NOT FOUND OR new.size <> c.size
       OR (new.place, new.industry, new.founded, new.employees, new.revenue, new.margin)
          = (c.place, c.industry, c.founded, c.employees, c.revenue, c.margin)
       OR NOT (market.lies_inside('place', c.place, new.place) AND market.lies_inside('industry', c.industry, new.industry)
               AND market.lies_inside('founded', c.founded, new.founded) AND market.lies_inside('employees', c.employees, new.employees)
               AND market.lies_inside('revenue', c.revenue, new.revenue) AND market.lies_inside('margin', c.margin, new.margin))
    THEN
        RAISE EXCEPTION 'a label says less than its cell' USING ERRCODE = 'SU002', CONSTRAINT = 'label_coarser';
    END IF;
    RETURN new;
END $$;
CREATE TRIGGER label_coarser BEFORE INSERT ON market.cell
    FOR EACH ROW WHEN (new.parent IS NOT NULL) EXECUTE FUNCTION market.label_coarser();
-- The API adds a label when it is put before an owner; cells it only reads.
CREATE POLICY label ON market.cell FOR INSERT TO succession_app WITH CHECK (parent IS NOT NULL);
GRANT INSERT (codebook_version, place, industry, founded, employees, revenue, margin, place_rank, revenue_rank, parent, size)
    ON market.cell TO succession_app;

-- ---------------------------------------------------------------- mandates seen by two persons
-- Which company a listing is about, as far as one can tell two apart.
CREATE FUNCTION vault.company_of(listing uuid) RETURNS text LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT coalesce(i.corporate_number, i.legal_name) FROM vault.listing_identity i WHERE i.listing_id = listing
$$;
ALTER FUNCTION vault.company_of(uuid) OWNER TO succession_definer;

-- A mandate is confirmed for one company: a listing that is rewritten to be about another needs a confirmation of its own.
ALTER TABLE vault.mandate
    ADD COLUMN confirmed_by uuid REFERENCES vault.member,
    ADD COLUMN confirmed_at timestamptz,
    ADD COLUMN confirmed_for text,
    ADD CONSTRAINT mandate_confirmed_whole CHECK ((confirmed_by IS NULL) = (confirmed_at IS NULL)),
    ADD CONSTRAINT mandate_second_confirmation CHECK (confirmed_by IS DISTINCT FROM created_by OR confirmed_by IS NULL);
CREATE FUNCTION vault.mandate_confirmed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    untouched boolean := tg_op = 'UPDATE';
BEGIN
    IF tg_op = 'UPDATE' THEN
        untouched := (new.confirmed_by, new.confirmed_at) IS NOT DISTINCT FROM (old.confirmed_by, old.confirmed_at);
        IF NOT untouched AND new.confirmed_by IS DISTINCT FROM ops.member()
           OR (old.confirmed_by IS NOT NULL OR ops.kind() = 'operator')
              AND (new.listing_id, new.kind, new.terms, new.edition, new.document_hash, new.signed_on, new.ends_on, new.created_by)
                  IS DISTINCT FROM
                  (old.listing_id, old.kind, old.terms, old.edition, old.document_hash, old.signed_on, old.ends_on, old.created_by)
           OR ops.kind() = 'operator' AND (new.state, new.ended_on, new.tail_until) IS DISTINCT FROM (old.state, old.ended_on, old.tail_until)
        THEN
            RAISE EXCEPTION 'a mandate is confirmed by whoever does it, and stays what was confirmed' USING ERRCODE = 'SU001';
        END IF;
    END IF;
    new.confirmed_for := CASE WHEN untouched THEN old.confirmed_for
                              WHEN new.confirmed_by IS NOT NULL THEN vault.company_of(new.listing_id) END;
    RETURN new;
END $$;
ALTER FUNCTION vault.mandate_confirmed() OWNER TO succession_definer;
CREATE TRIGGER mandate_confirmed BEFORE INSERT OR UPDATE ON vault.mandate FOR EACH ROW EXECUTE FUNCTION vault.mandate_confirmed();
CREATE POLICY unconfirmed ON vault.mandate AS RESTRICTIVE FOR INSERT TO succession_app WITH CHECK (confirmed_by IS NULL);
-- Where a firm has a single member, the second person is a reviewer of the operator, as for papers (0008).
CREATE POLICY reviewer ON vault.mandate FOR SELECT TO succession_app USING (vault.needs_reviewer(listing_id));
CREATE POLICY reviewer_confirm ON vault.mandate FOR UPDATE TO succession_app
    USING (vault.needs_reviewer(listing_id)) WITH CHECK (vault.needs_reviewer(listing_id) AND confirmed_by = ops.member());

-- Whether a mandate in force has been confirmed for the company this listing is about now. Asked by its holder.
CREATE FUNCTION vault.mandate_verified(listing uuid, today date) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog AS $$
    SELECT vault.holds(listing) AND EXISTS (
        SELECT FROM vault.mandate m WHERE m.listing_id = listing AND m.state = 'active' AND (m.ends_on IS NULL OR m.ends_on >= today)
          AND m.confirmed_by IS NOT NULL AND m.confirmed_for IS NOT DISTINCT FROM vault.company_of(listing))
$$;
ALTER FUNCTION vault.mandate_verified(uuid, date) OWNER TO succession_definer;
GRANT EXECUTE ON FUNCTION vault.mandate_verified(uuid, date) TO succession_app;

-- ---------------------------------------------------------------- looks are counted by firm and company as well
ALTER TABLE vault.preview ADD COLUMN organisation_id uuid, ADD COLUMN company text;
CREATE INDEX ON vault.preview (organisation_id, at);
-- Whose look it was and at which company is not the caller's to say.
CREATE FUNCTION vault.preview_whose() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
BEGIN
    SELECT l.intermediary_id, vault.company_of(l.id) INTO new.organisation_id, new.company
    FROM vault.listing l WHERE l.id = new.listing_id;
    RETURN new;
END $$;
ALTER FUNCTION vault.preview_whose() OWNER TO succession_definer;
CREATE TRIGGER preview_whose BEFORE INSERT ON vault.preview FOR EACH ROW EXECUTE FUNCTION vault.preview_whose();
