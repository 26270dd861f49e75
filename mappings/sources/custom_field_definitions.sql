-- object: custom_field_definitions
-- key: definition_id
SELECT *, object || '.' || field_name AS definition_id FROM profile.read_custom_field_definitions
