-- object: users
-- key: user_id
SELECT * FROM profile.read_users
