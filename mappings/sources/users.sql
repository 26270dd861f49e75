-- object: users
-- key: user_id
SELECT * FROM raw.users
