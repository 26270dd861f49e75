"""What people read and sign: pages without code, pictures, workbooks, and the answer to one record's question."""
